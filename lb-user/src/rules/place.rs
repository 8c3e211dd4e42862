//! Where expressions and conditions stand, and what there is to fetch (manual 7.3).
//!
//! A place is a [`Scope`] of one rule set or keyword, with `FRONTEND` or `BACKEND` where only that facet is meant.

use crate::language::Scope;

/// What every place after the accept knows.
const CLIENT: Scope = Scope::INTERNAL.or(Scope::L4_CLIENT);
/// What is known while a request is judged.
const REQUEST: Scope = CLIENT
    .or(Scope::L5_CLIENT)
    .or(Scope::L6_REQUEST)
    .or(Scope::HTTP_REQUEST_HEAD)
    .or(Scope::HTTP_REQUEST_KEPT);
/// What is known from the server's answer to the end.
const ANSWERED: Scope = CLIENT
    .or(Scope::L5_CLIENT)
    .or(Scope::HTTP_REQUEST_KEPT)
    .or(Scope::HTTP_RESPONSE_KEPT)
    .or(Scope::BACKEND_CHOSEN)
    .or(Scope::SERVER_CHOSEN)
    .or(Scope::L4_SERVER)
    .or(Scope::L5_SERVER);
const RESPONSE: Scope = ANSWERED.or(Scope::L6_RESPONSE).or(Scope::HTTP_RESPONSE_HEAD);

/// Each place with what exists there and how messages call it.
const PLACES: &[(Scope, Scope, &str)] = &[
    (Scope::TCP_CONNECTION, CLIENT, "tcp-request connection rule"),
    (
        Scope::TCP_SESSION,
        CLIENT.or(Scope::L5_CLIENT),
        "tcp-request session rule",
    ),
    (Scope::TCP_CONTENT, REQUEST, "tcp-request content rule"),
    (Scope::HTTP_REQUEST, REQUEST, "http-request header rule"),
    (Scope::USE_BACKEND, REQUEST, "use-backend rule"),
    (Scope::UNIQUE_ID, REQUEST, "unique-id-format"),
    (
        Scope::BALANCE,
        REQUEST.or(Scope::BACKEND_CHOSEN),
        "use-server, balance or stick-match rule",
    ),
    (Scope::TCP_RESPONSE, RESPONSE, "tcp-response content rule"),
    (Scope::HTTP_RESPONSE, RESPONSE, "http-response header rule"),
    (Scope::HTTP_AFTER_RESPONSE, RESPONSE, "http-response header rule"),
    (Scope::STICK_RESPONSE, RESPONSE, "stick-store rule"),
    (Scope::LOG, ANSWERED.or(Scope::AT_END), "logs"),
    (
        Scope::CHECK,
        Scope::INTERNAL
            .or(Scope::CHECK)
            .or(Scope::L4_SERVER)
            .or(Scope::BACKEND_CHOSEN)
            .or(Scope::SERVER_CHOSEN)
            .or(Scope::L6_RESPONSE)
            .or(Scope::HTTP_RESPONSE_HEAD)
            .or(Scope::HTTP_RESPONSE_KEPT),
        "health-check rule",
    ),
];

/// What messages call the things that a fetch may need.
const SOURCES: &[(Scope, &str)] = &[
    (Scope::INTERNAL, "internal state"),
    (Scope::L4_CLIENT, "client address"),
    (Scope::L5_CLIENT, "client-side connection"),
    (Scope::L6_REQUEST, "request buffer"),
    (Scope::HTTP_REQUEST_HEAD, "HTTP request headers"),
    (Scope::HTTP_REQUEST_KEPT, "HTTP request"),
    (Scope::BACKEND_CHOSEN, "backend"),
    (Scope::SERVER_CHOSEN, "server"),
    (Scope::L4_SERVER, "server address"),
    (Scope::L5_SERVER, "server-side connection"),
    (Scope::L6_RESPONSE, "response buffer"),
    (Scope::HTTP_RESPONSE_HEAD, "HTTP response headers"),
    (Scope::HTTP_RESPONSE_KEPT, "HTTP response"),
    (Scope::AT_END, "transaction"),
    (Scope::CHECK, "health check"),
];

/// What there is to fetch in `place`. A place that is not listed knows the process and the configuration only.
pub fn sources(place: Scope) -> Scope {
    let mut known = PLACES
        .iter()
        .filter(|(listed, ..)| place.meets(*listed))
        .fold(Scope::INTERNAL, |known, (_, sources, _)| known | *sources);
    if place.meets(Scope::BACKEND) {
        known = known | Scope::BACKEND_CHOSEN;
    }
    known
}

/// How messages call `place`: `frontend http-request header rule`.
pub fn describe(place: Scope) -> String {
    let name = PLACES
        .iter()
        .find(|(listed, ..)| place.meets(*listed))
        .map_or("configuration", |(.., name)| name);
    let backend = Scope::BALANCE | Scope::STICK_RESPONSE | Scope::TCP_RESPONSE;
    if place.meets(Scope::LOG | Scope::UNIQUE_ID | Scope::CHECK) || !place.meets(Scope(u64::MAX)) {
        name.to_owned()
    } else if place.meets(backend) || (place.meets(Scope::BACKEND) && !place.meets(Scope::FRONTEND)) {
        format!("backend {name}")
    } else {
        format!("frontend {name}")
    }
}

/// The rule set of `place` as a line writes it: `tcp-request content`.
pub fn describe_rule(place: Scope) -> &'static str {
    let name = PLACES.iter().find(|(listed, ..)| place.meets(*listed));
    match name {
        Some((listed, ..)) if *listed == Scope::HTTP_REQUEST => "http-request",
        Some((listed, ..)) if *listed == Scope::HTTP_RESPONSE => "http-response",
        Some((listed, ..)) if *listed == Scope::HTTP_AFTER_RESPONSE => "http-after-response",
        Some((.., name)) => name.strip_suffix(" rule").unwrap_or(name),
        None => "",
    }
}

/// What messages call an expression that stands in `place`.
pub fn expression(place: Scope) -> &'static str {
    let tcp = Scope::TCP_CONNECTION | Scope::TCP_SESSION | Scope::TCP_CONTENT;
    match place {
        _ if place.meets(tcp) => "tcp-request expression",
        _ if place.meets(Scope::TCP_RESPONSE) => "tcp-response expression",
        _ if place.meets(Scope::HTTP_REQUEST) => "http-request expression",
        _ if place.meets(Scope::HTTP_RESPONSE | Scope::HTTP_AFTER_RESPONSE) => "http-response expression",
        _ if place.meets(Scope::LOG) => "log-format string",
        _ if place.meets(Scope::UNIQUE_ID) => "unique-id-format string",
        _ if place.meets(Scope::USE_BACKEND) => "use_backend expression",
        _ if place.meets(Scope::BALANCE | Scope::STICK_RESPONSE) => "stick rule",
        _ => "undefined expression",
    }
}

/// The names of what a fetch needs, between commas.
pub fn needed(needs: Scope) -> String {
    let names: Vec<&str> = SOURCES
        .iter()
        .filter(|(source, _)| needs.meets(*source))
        .map(|(_, name)| *name)
        .collect();
    names.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_knows_what_exists_by_then() {
        let cases = [
            (Scope::TCP_CONNECTION, Scope::L4_CLIENT, true),
            (Scope::TCP_CONNECTION, Scope::L5_CLIENT, false),
            (Scope::TCP_SESSION, Scope::L5_CLIENT, true),
            (Scope::TCP_SESSION, Scope::HTTP_REQUEST_HEAD, false),
            (Scope::HTTP_REQUEST, Scope::HTTP_REQUEST_HEAD, true),
            (Scope::HTTP_REQUEST | Scope::FRONTEND, Scope::BACKEND_CHOSEN, false),
            (Scope::HTTP_REQUEST | Scope::BACKEND, Scope::BACKEND_CHOSEN, true),
            (Scope::HTTP_RESPONSE, Scope::HTTP_REQUEST_HEAD, false),
            (Scope::HTTP_RESPONSE, Scope::HTTP_REQUEST_KEPT, true),
            (Scope::LOG, Scope::HTTP_RESPONSE_HEAD, false),
            (Scope::LOG, Scope::HTTP_RESPONSE_KEPT, true),
            (Scope::GLOBAL, Scope::INTERNAL, true),
            (Scope::GLOBAL, Scope::L4_CLIENT, false),
        ];
        for (place, needs, known) in cases {
            assert_eq!(
                sources(place).meets(needs),
                known,
                "{} in {}",
                needed(needs),
                describe(place)
            );
        }
    }

    #[test]
    fn places_are_called_as_the_peer_calls_them() {
        for (place, name) in [
            (Scope::TCP_CONNECTION, "frontend tcp-request connection rule"),
            (Scope::HTTP_REQUEST | Scope::BACKEND, "backend http-request header rule"),
            (Scope::HTTP_REQUEST | Scope::LISTEN, "frontend http-request header rule"),
            (Scope::BALANCE, "backend use-server, balance or stick-match rule"),
            (Scope::STICK_RESPONSE, "backend stick-store rule"),
            (Scope::USE_BACKEND, "frontend use-backend rule"),
        ] {
            assert_eq!(describe(place), name);
        }
        let both = Scope::HTTP_REQUEST_HEAD | Scope::HTTP_RESPONSE_HEAD;
        assert_eq!(needed(both), "HTTP request headers,HTTP response headers");
    }
}
