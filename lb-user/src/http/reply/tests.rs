//! Answers compared with what the peer sends.
use super::*;
use crate::http::h1::Limits;
use crate::http::h1::write::write_head;

fn text(reply: &Reply) -> String {
    let mut head = Head::new();
    reply.fill(&mut head);
    let mut out = Vec::new();
    write_head(&head, &mut out);
    out.extend_from_slice(&reply.body);
    String::from_utf8(out).unwrap()
}

#[test]
fn default_answers_are_the_peers() {
    let lengths = [
        58, 90, 112, 93, 83, 146, 112, 110, 114, 106, 80, 117, 97, 136, 107, 107, 92,
    ];
    for (status, length) in STATUSES.into_iter().zip(lengths) {
        let reply = Reply::default_for(status);
        assert_eq!((reply.status, reply.body.len()), (status, length));
        assert_eq!(reply.close, status == 400 || status == 408);
    }
    assert_eq!(
        text(&Reply::default_for(407)),
        "HTTP/1.1 407 Unauthorized\r\ncontent-length: 112\r\ncache-control: no-cache\r\ncontent-type: text/html\r\n\r\n\
         <html><body><h1>401 Unauthorized</h1>\nYou need a valid user and password to access this content.\n\
         </body></html>\n"
    );
    assert_eq!(Reply::default_for(999), Reply::default_for(500));
}

#[test]
fn returned_answers_describe_their_body() {
    let empty = Reply::returned(299, vec![], Some(b"text/plain"), vec![]);
    assert_eq!(text(&empty), "HTTP/1.1 299 Success\r\ncontent-length: 0\r\n\r\n");
    let full = Reply::returned(200, vec![field("x-a", "b")], Some(b"text/plain"), b"hello".to_vec());
    assert_eq!(
        text(&full),
        "HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 5\r\ncontent-type: text/plain\r\n\r\nhello"
    );
}

#[test]
fn challenges_replace_those_there() {
    let mut reply = Reply::default_for(401);
    reply.headers.push(field("WWW-Authenticate", "Digest"));
    let reply = reply.challenge(b"Gimme");
    assert!(text(&reply).contains("text/html\r\nwww-authenticate: Basic realm=\"Gimme\"\r\n\r\n"));
    assert!(text(&Reply::default_for(407).challenge(b"x")).contains("\r\nproxy-authenticate: Basic realm=\"x\"\r\n"));
}

#[test]
fn redirections_are_the_peers() {
    let plain = Redirect {
        target: Target::Prefix(b"/"),
        status: 302,
        drop_query: false,
        append_slash: false,
        cookie: None,
    };
    let location = |redirect: Redirect, uri: &str| {
        let mut request = Head::request(b"GET", uri.as_bytes(), Version::Http11);
        request.add(b"Host", b"h:8");
        let reply = redirect.answer(&request);
        let (_, value) = reply.headers.into_iter().find(|(name, _)| name == b"location").unwrap();
        String::from_utf8(value).unwrap()
    };
    let cases = [
        (
            Redirect {
                target: Target::Location(b"/foo"),
                append_slash: true,
                ..plain
            },
            "/a?b",
            "/foo",
        ),
        (plain, "/a?b", "/a?b"),
        (
            Redirect {
                target: Target::Prefix(b"http://x"),
                ..plain
            },
            "/a?b",
            "http://x/a?b",
        ),
        (
            Redirect {
                target: Target::Prefix(b"http://x"),
                ..plain
            },
            "http://h/a?b",
            "http://x/a?b",
        ),
        (
            Redirect {
                target: Target::Prefix(b"http://x"),
                drop_query: true,
                ..plain
            },
            "/a?b",
            "http://x/a",
        ),
        (
            Redirect {
                drop_query: true,
                append_slash: true,
                ..plain
            },
            "/a?b",
            "/a/",
        ),
        (
            Redirect {
                drop_query: true,
                append_slash: true,
                ..plain
            },
            "/a/?b",
            "/a/",
        ),
        (
            Redirect {
                target: Target::Scheme(b"https"),
                ..plain
            },
            "/a?b",
            "https://h:8/a?b",
        ),
        (
            Redirect {
                target: Target::Scheme(b"https"),
                ..plain
            },
            "*",
            "https://h:8/",
        ),
        (
            Redirect {
                target: Target::Scheme(b"https"),
                ..plain
            },
            "http://h",
            "https://h:8/",
        ),
    ];
    for (redirect, uri, expected) in cases {
        assert_eq!(location(redirect, uri), expected, "{redirect:?} {uri}");
    }
    let request = Head::request(b"GET", b"/", Version::Http11);
    let cookie = Redirect {
        cookie: Some(CookieOption::Clear(b"USERID=")),
        ..plain
    };
    assert_eq!(
        text(&cookie.answer(&request)),
        "HTTP/1.1 302 Found\r\ncontent-length: 0\r\nlocation: /\r\ncache-control: no-cache\r\n\
         set-cookie: USERID=; path=/; Max-Age=0;\r\n\r\n"
    );
    let permanent = Redirect {
        status: 301,
        cookie: Some(CookieOption::Set(b"SEEN=1")),
        ..plain
    };
    assert_eq!(
        text(&permanent.answer(&request)),
        "HTTP/1.1 301 Moved Permanently\r\ncontent-length: 0\r\nlocation: /\r\nset-cookie: SEEN=1; path=/;\r\n\r\n"
    );
    assert_eq!(
        text(&Reply::error_location(303, b"http://a/c")),
        "HTTP/1.1 303 See Other\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: http://a/c\r\n\r\n"
    );
}

#[test]
fn error_files_are_checked_as_the_peer_checks_them() {
    let cases: &[(&str, Result<&str, &str>)] = &[
        (
            "HTTP/1.0 403 Forbidden\nCache-Control: no-cache\nConnection: close\nX: y\n\n<b>",
            Ok("HTTP/1.0 403 Forbidden\r\nCache-Control: no-cache\r\nX: y\r\n\r\n<b>"),
        ),
        (
            "HTTP/1.1 403 F\r\nContent-Length: 3\r\n\r\nabc",
            Ok("HTTP/1.1 403 F\r\nContent-Length: 3\r\n\r\nabc"),
        ),
        (
            "HTTP/1.1 403 F\r\nContent-Length: 5\r\n\r\nabc",
            Err("payload size does not match the announced content-length (3 != 5)"),
        ),
        (
            "HTTP/1.1 403 F\r\nContent-Length: x\r\n\r\n",
            Err("unable to parse headers (error offset: 32)"),
        ),
        (
            "HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            Err("chunk-encoded payload not supported"),
        ),
        (
            "HTTP/1.1 403 F\r\nX: y\r\n",
            Err("unable to parse headers (error offset: -2)"),
        ),
        ("\r\n", Err("unable to parse headers (error offset: -2)")),
        ("hello\n", Err("unable to parse headers (error offset: 0)")),
        (
            "HTTP/1.1 Forbidden\r\n\r\n",
            Err("unable to parse headers (error offset: 9)"),
        ),
        (
            "HTTP/1.1 403 Foo\r\nX : y\r\n\r\n",
            Err("unable to parse headers (error offset: 19)"),
        ),
        (
            "HTTP/1.1 100 F\r\n\r\n",
            Err("invalid http status code for an error message (100)"),
        ),
        (
            "HTTP/1.1 204 F\r\nContent-Length: 4\r\n\r\nabcd",
            Err("message payload not expected"),
        ),
        ("HTTP/1.1 304 F\r\n\r\nabcd", Err("message payload not expected")),
        ("HTTP/1.1 500 Foo\r\n\r\n", Ok("HTTP/1.1 500 Foo\r\n\r\n")),
    ];
    for (file, expected) in cases {
        let found = parse_errorfile(file.as_bytes(), &Limits::default());
        match (found, expected) {
            (Ok(reply), Ok(expected)) => assert_eq!(text(&reply), *expected),
            (Err(refused), Err(expected)) => assert_eq!(refused.to_string(), *expected),
            (found, expected) => panic!("{file:?}: {found:?} instead of {expected:?}"),
        }
    }
    assert!(parse_errorfile(b"", &Limits::default()).unwrap().is_silent());
}
