//! Read and Write between two joined channels: whole and in blocks, plain and ciphered, and what breaks the rules.

use super::*;

/// Reads and writes that are long in one direction or the other, and the answers.
fn cases() -> Vec<(Vec<u8>, Vec<u8>)> {
    let value = octet_string(900);
    vec![
        (
            hex("05 01 02 FA08"),
            [hex("0C 01 00"), value.clone()].concat(),
        ),
        (
            hex("05 02 02 0108 04 0110 02 1105"),
            [hex("0C 02 00"), value.clone(), hex("01 04")].concat(),
        ),
        (
            [hex("05 01 04 FA58 00"), value.clone()].concat(),
            [hex("0C 01 00"), value.clone()].concat(),
        ),
        (
            [hex("06 01 02 0158 01"), value.clone()].concat(),
            hex("0D 01 00"),
        ),
        (
            [hex("06 02 02 0158 04 0108 01 00 02"), value, hex("1105")].concat(),
            hex("0D 02 00 01 03"),
        ),
    ]
}

// proves: sn-blocks, sn-ciphered
#[test]
fn reads_and_writes_arrive_whole_however_they_are_cut_and_protected() {
    for hdlc in [false, true] {
        for policy in [Protection::NONE, Protection::BOTH] {
            for pdu_size in [0, 64, 200, 1200] {
                let mut pair = Pair::new(hdlc, policy, pdu_size);
                for (request, response) in &cases() {
                    pair.exchange(request, response, pdu_size);
                }
            }
        }
    }
}

#[test]
fn no_block_exceeds_the_limit() {
    for policy in [Protection::NONE, Protection::BOTH] {
        for limit in [60_u16, 127, 128, 150, 151, 260] {
            let mut pair = Pair::new(false, policy, limit);
            let request = [hex("06 01 02 0158 01"), octet_string(900)].concat();
            let mut octets = pair.client.send(&request).expect("sent");
            let mut longest = 0;
            while !octets.is_empty() {
                longest = longest.max(octets.len() - 8);
                let reply = pair.server.receive(&octets).expect("undamaged");
                octets = pair.client.receive(&reply).expect("undamaged");
            }
            let limit = usize::from(limit);
            assert!(
                (limit - 3..=limit).contains(&longest),
                "{longest} octets, limit {limit}"
            );
            assert_eq!(pair.server.last_apdu(), request);
        }
    }
}

#[test]
fn c_24_a_block_form_that_was_not_negotiated_is_not_used() {
    for (conformance, request, sent) in [
        (
            0x00_0800,
            [hex("06 01 02 0158 01"), octet_string(900)].concat(),
            true,
        ),
        (
            0x00_1000,
            [hex("06 01 02 0158 01"), octet_string(900)].concat(),
            false,
        ),
        (
            0x00_1000,
            [hex("05 01 04 0158 01"), octet_string(900)].concat(),
            true,
        ),
        (
            0x00_0800,
            [hex("05 01 04 0158 01"), octet_string(900)].concat(),
            false,
        ),
        (
            0x00_1800,
            [hex("16 01 02 0158 01"), octet_string(900)].concat(),
            false,
        ),
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 100);
        pair.client.channel.negotiate(Negotiation {
            conformance,
            peer_max_receive_pdu_size: 100,
        });
        assert_eq!(
            pair.client.send(&request).is_ok(),
            sent,
            "{conformance:06X}"
        );
    }
}

// proves: sn-one-request
#[test]
fn a_second_request_waits_for_the_answer_to_the_first() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    assert_eq!(pair.client.channel.sole_request(), Ok(()));
    let octets = pair.client.send(&hex("05 01 02 FA08")).expect("sent");
    assert_eq!(
        pair.client.channel.sole_request(),
        Err(ChannelError::RequestOutstanding)
    );
    pair.carry(octets, true);
    for other in ["0D 01 00", "0D 01 02 0001"] {
        let octets = pair.server.send(&hex(other)).expect("sent");
        pair.carry(octets, false);
        assert_eq!(pair.client.seen.pop(), Some(Seen::Discarded("no-request")));
    }
    let octets = pair.server.send(&hex("0C 01 00 1105")).expect("sent");
    pair.carry(octets.clone(), false);
    assert_eq!(pair.client.last_apdu(), hex("0C 01 00 1105"));
    assert_eq!(pair.client.channel.sole_request(), Ok(()));
    pair.carry(octets, false);
    assert_eq!(
        pair.client.seen.pop(),
        Some(Seen::Discarded("no-request")),
        "the same answer twice"
    );
}

// proves: sn-confirmed-service-error
#[test]
fn a_confirmed_service_error_ends_what_is_outstanding() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let octets = pair.client.send(&hex("05 01 02 FA08")).expect("sent");
    pair.carry(octets, true);
    let octets = pair.server.send(&hex("0E 05 05 03")).expect("sent");
    pair.carry(octets, false);
    assert_eq!(pair.client.last_apdu(), hex("0E 05 05 03"));
    assert_eq!(pair.client.channel.sole_request(), Ok(()));
}

#[test]
fn c_22_short_names_are_answered_one_for_one_or_refused_as_a_whole() {
    for (request, response, taken) in [
        ("05 02 02 0108 02 0110", "0C 02 00 1105 01 04", true),
        ("05 02 02 0108 02 0110", "0C 01 00 1105", false),
        (
            "05 02 02 0108 02 0110",
            "0C 03 00 1105 00 1105 01 04",
            false,
        ),
        ("05 02 02 0108 02 0110", "0C 01 01 0D", true),
        ("05 01 02 0108", "0C 00", false),
        ("06 02 02 0108 02 0110 02 1105 1105", "0D 02 00 01 04", true),
        ("06 02 02 0108 02 0110 02 1105 1105", "0D 01 00", false),
        ("06 02 02 0108 02 0110 02 1105 1105", "0D 01 01 0D", true),
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        let octets = pair.client.send(&hex(request)).expect("sent");
        pair.carry(octets, true);
        let octets = pair.server.send(&hex(response)).expect("sent");
        assert_eq!(pair.client.receive(&octets).is_ok(), taken, "{response}");
    }
}

/// What a server says to a request, with the four octets of the wrapper's addresses and length taken off.
fn said(pair: &mut Pair, request: &str) -> Vec<u8> {
    let octets = hex(request);
    let mut message = hex("0001 0001 0001");
    message.extend_from_slice(&u16::try_from(octets.len()).expect("short").to_be_bytes());
    message.extend_from_slice(&octets);
    let reply = pair.server.receive(&message).expect("survives");
    reply.get(8..).unwrap_or_default().to_vec()
}

#[test]
fn c_20_blocks_of_short_names_that_do_not_follow_each_other_end_the_transfer() {
    for (requests, answer) in [
        (&["05 01 06 00 0002 01 01"][..], "0C 01 01 13"),
        (
            &["05 01 06 00 0001 01 01", "05 01 06 00 0003 01 01"],
            "0C 01 01 13",
        ),
        (&["05 01 06 00 0001 00"], "0C 01 01 13"),
        (&["05 01 05 0001"], "0C 01 01 13"),
        (
            &[
                "06 01 07 00 0001 01 09 01 01",
                "06 01 07 00 0001 01 09 01 01",
            ],
            "0D 01 02 0001",
        ),
        (&["06 01 07 00 0002 01 09 01 01"], "0D 01 01 13"),
        (&["06 01 07 00 0001 01 09 00"], "0D 01 01 13"),
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        let last = requests
            .iter()
            .map(|request| said(&mut pair, request))
            .last()
            .expect("one at least");
        assert_eq!(last, hex(answer), "{requests:?}");
        assert_eq!(
            pair.server
                .seen
                .iter()
                .filter(|seen| matches!(seen, Seen::Apdu(_)))
                .count(),
            0
        );
    }
}

#[test]
fn a_block_where_none_may_be_is_discarded() {
    for request in [
        "05 02 02 0108 05 0001",
        "06 01 07 00 0001 01 1105",
        "06 01 05 0001 01 1105",
        "06 02 02 0108 07 01 0001 02 1105 09 01 01",
        "16 01 07 01 0001 01 09 01 01",
        "05 01 06 01 0001 04 01 05 0001", // a block in the list that blocks bring
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        assert_eq!(said(&mut pair, request), [0; 0], "{request}");
        assert_eq!(
            pair.server.seen.pop(),
            Some(Seen::Discarded("unexpected-tag")),
            "{request}"
        );
    }
}

#[test]
fn a_client_ends_with_a_server_whose_blocks_make_no_sense() {
    for response in [
        "0C 01 02 00 0002 01 01",
        "0C 01 02 00 0001 00",
        "0C 02 00 1105 02 01 0001 01 01",
        "0C 01 02 01 0001 04 01 03 0001",
        "0C 01 02 01 0001 03 02 00 00",
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        let octets = pair.client.send(&hex("05 01 02 FA08")).expect("sent");
        pair.carry(octets, true);
        let octets = pair.server.send(&hex(response)).expect("sent");
        assert!(
            matches!(pair.client.receive(&octets), Err(ChannelError::Decode(_))),
            "{response}"
        );
    }
}

#[test]
fn c_20_more_blocks_than_the_limit_are_refused() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    pair.server.channel.max_receive_apdu_size = 4;
    assert_eq!(
        said(&mut pair, "05 01 06 00 0001 03 010203"),
        hex("0C 01 03 0001")
    );
    assert_eq!(
        said(&mut pair, "05 01 06 00 0002 01 01"),
        hex("0C 01 01 13")
    );
}

#[test]
fn an_information_report_arrives_unasked() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let octets = pair.client.send(&hex("05 01 02 FA08")).expect("sent");
    pair.carry(octets, true);
    let report = hex("18 00 01 02 0108 01 1105");
    let octets = pair.server.send(&report).expect("sent");
    pair.carry(octets, false);
    assert_eq!(pair.client.last_apdu(), report);
    assert!(pair.client.channel.sole_request().is_err());
}
