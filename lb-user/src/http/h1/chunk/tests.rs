//! Chunked bodies however they are cut.
use proptest::prelude::*;

use super::*;
use crate::http::h1::write::write_trailers;

/// A body read to its end or to the end of the input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    data: Vec<u8>,
    trailers: Vec<u8>,
    consumed: usize,
    done: bool,
}

/// Calls `take` with what it has not consumed yet of an input that grows to each of `ends`.
fn feed(
    input: &[u8],
    ends: &[usize],
    mut take: impl FnMut(&[u8]) -> Result<(usize, bool), Bad>,
) -> Result<(usize, bool), Bad> {
    let mut at = 0;
    for &end in ends.iter().chain([&input.len()]) {
        while at < end {
            let (consumed, done) = take(&input[at..end])?;
            at += consumed;
            if done {
                return Ok((at, true));
            }
            assert!(consumed > 0, "no progress");
        }
    }
    Ok((at, false))
}

fn limits() -> Limits {
    Limits {
        bytes: 100,
        ..Limits::default()
    }
}

fn trailers(decoder: &ChunkDecoder) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(trailers) = decoder.trailers() {
        write_trailers(trailers, &mut out);
    }
    out
}

fn decode(input: &[u8], ends: &[usize]) -> Result<Read, Fault> {
    let mut decoder = ChunkDecoder::new(limits());
    let mut data = Vec::new();
    let fed = feed(input, ends, |part| {
        let step = decoder.decode(part)?;
        data.extend_from_slice(&part[step.data]);
        Ok((step.consumed, step.done))
    });
    let (consumed, done) = fed.map_err(|bad| bad.fault)?;
    Ok(Read {
        data,
        trailers: trailers(&decoder),
        consumed,
        done,
    })
}

/// What the next hop gets when the body is passed on.
fn pass(input: &[u8], ends: &[usize]) -> Result<(Vec<u8>, usize, bool), Fault> {
    let mut decoder = ChunkDecoder::new(limits());
    let mut out = Vec::new();
    let fed = feed(input, ends, |part| {
        let pass = decoder.pass(part)?;
        out.extend_from_slice(&part[..pass.forward]);
        Ok((pass.forward + pass.skip, pass.done))
    });
    let (consumed, done) = fed.map_err(|bad| bad.fault)?;
    out.extend(trailers(&decoder));
    Ok((out, consumed, done))
}

/// Input, then what is passed on for it or the fault. The peer takes what is marked as ours alone to refuse.
const CASES: &[(&str, Result<&str, Fault>)] = &[
    ("5\r\nhello\r\n0\r\n\r\n", Ok("5\r\nhello\r\n0\r\n\r\n")),
    ("a\r\n0123456789\r\n00\r\n\r\n", Ok("a\r\n0123456789\r\n00\r\n\r\n")),
    ("0\r\n\r\nGET /", Ok("0\r\n\r\n")),
    (
        "0000000000000000000005\r\nhello\r\n0\r\n\r\n",
        Ok("0000000000000000000005\r\nhello\r\n0\r\n\r\n"),
    ),
    ("5;a=b\r\nhello\r\n0;x\r\n\r\n", Ok("5\r\nhello\r\n0\r\n\r\n")),
    ("5 \t;a=\"b;c\"\r\nhello\r\n0 \r\n\r\n", Ok("5\r\nhello\r\n0\r\n\r\n")),
    ("5;\r\nhello\r\n0\r\n\r\n", Ok("5\r\nhello\r\n0\r\n\r\n")),
    ("fffffffffffff\r\nhello", Ok("fffffffffffff\r\nhello")),
    ("0\r\nX: a\r\nY:b\r\n\r\nrest", Ok("0\r\nX: a\r\nY: b\r\n\r\n")),
    ("0\r\nX: a\r\n b\r\n\r\n", Ok("0\r\nX: a   b\r\n\r\n")),
    (
        "0\r\nContent-Length: 7\r\nX: a\r\nHost: b\r\n\r\n",
        Ok("0\r\nX: a\r\n\r\n"),
    ),
    ("10000000000000\r\nhello", Err(Fault::ChunkSize)),
    ("ffffffffffffffffffffffff\r\nhello", Err(Fault::ChunkSize)),
    ("\r\nhello", Err(Fault::ChunkSize)),
    ("0x5\r\nhello", Err(Fault::ChunkSize)),
    (" 5\r\nhello", Err(Fault::ChunkSize)),
    ("-5\r\nhello", Err(Fault::ChunkSize)),
    ("+5\r\nhello", Err(Fault::ChunkSize)),
    ("5g\r\nhello", Err(Fault::ChunkSize)),
    ("5 x\r\nhello", Err(Fault::ChunkExtension)),
    ("5;a\rb\r\nhello", Err(Fault::ChunkEnd)),
    ("5\rhello", Err(Fault::ChunkEnd)),
    ("5\r\nhello0\r\n\r\n", Err(Fault::ChunkEnd)),
    ("5\r\nhello\r0\r\n\r\n", Err(Fault::ChunkEnd)),
    ("0\r\nX\r\n\r\n", Err(Fault::Name)),
    ("0\r\n: a\r\n\r\n", Err(Fault::EmptyName)),
    ("0\r\nX: a\rb\r\n\r\n", Err(Fault::BareCr)),
    ("0\r\nContent-Length: x\r\n\r\n", Err(Fault::ContentLength)),
    ("0\r\n\rX", Err(Fault::ChunkEnd)),
    // The peer takes these.
    ("5\nhello\r\n0\r\n\r\n", Err(Fault::ChunkSize)),
    ("5\r\nhello\n0\r\n\r\n", Err(Fault::ChunkEnd)),
    ("0\n\r\n", Err(Fault::ChunkSize)),
    ("5;a\nhello\r\n0\r\n\r\n", Err(Fault::ChunkExtension)),
    ("5;a\0b\r\nhello\r\n0\r\n\r\n", Err(Fault::ChunkExtension)),
    ("0\r\n X: a\r\n\r\n", Err(Fault::LeadingSpace)),
    ("0\r\nX(: a\r\n\r\n", Err(Fault::Name)),
];

#[test]
fn bodies_are_read_and_passed_on() {
    for (input, expected) in CASES {
        let passed = pass(input.as_bytes(), &[]);
        assert_eq!(
            passed.clone().map(|(out, ..)| out),
            expected.map(|text| text.as_bytes().to_vec()),
            "{input:?}"
        );
        let read = decode(input.as_bytes(), &[]);
        assert_eq!(read.as_ref().err(), passed.as_ref().err(), "{input:?}");
        if let (Ok(read), Ok((out, consumed, done))) = (read, passed) {
            assert_eq!((read.consumed, read.done), (consumed, done), "{input:?}");
            let again = decode(&out, &[]).expect("what is passed on is well-formed");
            assert_eq!(
                (again.data, again.trailers, again.done),
                (read.data, read.trailers, read.done),
                "{input:?}"
            );
        }
    }
}

#[test]
fn every_cut_of_the_input_gives_the_same_result() {
    for (input, _) in CASES {
        let input = input.as_bytes();
        let bytewise: Vec<usize> = (0..input.len()).collect();
        for ends in (0..input.len()).map(|end| vec![end]).chain([bytewise]) {
            assert_eq!(
                decode(input, &ends),
                decode(input, &[]),
                "{} {ends:?}",
                input.escape_ascii()
            );
            assert_eq!(
                pass(input, &ends),
                pass(input, &[]),
                "{} {ends:?}",
                input.escape_ascii()
            );
        }
    }
}

#[test]
fn nothing_is_passed_on_before_a_fault_in_sight() {
    for (input, expected) in CASES {
        let first = ChunkDecoder::new(limits()).pass(input.as_bytes());
        assert_eq!(
            first.map(drop).map_err(|bad| bad.fault),
            expected.map(drop),
            "{input:?}"
        );
    }
    let late = ChunkDecoder::new(limits()).pass(b"5;x\r\nhello\r\n5;y\r\nhello!");
    assert_eq!(
        late,
        Err(Bad {
            fault: Fault::ChunkEnd,
            at: 22
        })
    );
}

#[test]
fn extensions_and_trailers_are_limited() {
    let extension = |len: usize| format!("0;{}\r\n\r\n", "x".repeat(len));
    assert!(decode(extension(100).as_bytes(), &[]).unwrap().done);
    assert_eq!(decode(extension(101).as_bytes(), &[]), Err(Fault::ChunkExtension));
    let trailer = |len: usize| format!("0\r\nX: {}\r\n\r\n", "x".repeat(len));
    assert!(decode(trailer(93).as_bytes(), &[]).unwrap().done);
    assert_eq!(decode(trailer(94).as_bytes(), &[]), Err(Fault::TooLarge));
}

#[test]
fn chunk_lines_are_hexadecimal() {
    for size in [0, 1, 9, 15, 16, 0xabc, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(ChunkLine::new(size).as_bytes(), format!("{size:X}\r\n").as_bytes());
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut wire = Vec::new();
        for chunk in &chunks {
            wire.extend_from_slice(ChunkLine::new(chunk.len() as u64).as_bytes());
            wire.extend_from_slice(chunk);
            wire.extend_from_slice(CHUNK_END);
        }
        wire.extend_from_slice(LAST_CHUNK);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(wire.len())).collect();
        ends.sort_unstable();
        let read = decode(&wire, &ends).unwrap();
        prop_assert_eq!(read.data, chunks.concat());
        prop_assert!(read.done);
        prop_assert_eq!(pass(&wire, &ends).unwrap(), (wire.clone(), wire.len(), true));
    }
}
