//! A medium of datagrams: what is lost, doubled or late.

use super::*;

const GET: &str = "C001C1 0012 00002C0000FF 02 00";
const BLOCK: &str = "C301C1 0012 00002C0000FF 02 01 0202 0600000000 0904 01020304";
const INITIATE: &str = "C301C1 0012 00002C0000FF 01 01 0202 0901 41 0600000040";

fn datagrams(policy: Protection, pdu_size: u16) -> Pair {
    let mut pair = Pair::new(false, policy, pdu_size);
    pair.client.channel.use_datagrams(3);
    pair
}

fn timeout(end: &mut End) -> Result<Vec<u8>, ChannelError> {
    let mut out = Vec::new();
    end.channel
        .handle_timeout(end.security.as_mut(), &mut out)
        .map(|()| out)
}

fn exhausted() -> Result<Vec<u8>, ChannelError> {
    Err(ChannelError::Link(LinkErrorKind::RetriesExhausted.into()))
}

// proves: wrapper-udp
#[test]
fn l_20_reading_and_image_blocks_are_repeated_under_their_invoke_id_and_a_new_counter() {
    for (request, response) in [(GET, "C401C1 00 1105"), (BLOCK, "C701C1 00 00")] {
        for policy in [Protection::NONE, Protection::BOTH] {
            let mut pair = datagrams(policy, 0);
            let lost = pair.client.send(&hex(request)).expect("sent");
            let repeated = timeout(&mut pair.client).expect("repeated");
            assert_eq!(repeated == lost, policy.is_none());
            pair.server.receive(&repeated).expect("undamaged");
            assert_eq!(pair.server.last_apdu(), hex(request));
            let answer = pair.server.send(&hex(response)).expect("sent");
            pair.client.receive(&answer).expect("undamaged");
            assert_eq!(pair.client.last_apdu(), hex(response));
            assert_eq!(timeout(&mut pair.client), exhausted());
        }
    }
}

#[test]
fn l_20_the_first_answer_counts_and_the_second_is_stale() {
    let mut pair = datagrams(Protection::BOTH, 0);
    let first = pair.client.send(&hex(GET)).expect("sent");
    let second = timeout(&mut pair.client).expect("repeated");
    for octets in [first, second] {
        pair.server.receive(&octets).expect("undamaged");
        let answer = pair.server.send(&hex("C401C1 00 1105")).expect("sent");
        pair.client.receive(&answer).expect("undamaged");
    }
    assert_eq!(pair.client.seen.pop(), Some(Seen::Discarded("invoke-id")));
    assert_eq!(pair.client.last_apdu(), hex("C401C1 00 1105"));
}

#[test]
fn what_may_do_harm_twice_is_not_repeated_nor_anything_beside_it() {
    let mut pair = datagrams(Protection::NONE, 0);
    assert_eq!(timeout(&mut pair.client), exhausted());
    for request in [hex(INITIATE), hex(&GET.replace("C001C1", "C001C2"))] {
        pair.client.send(&request).expect("sent");
        for _ in 0..3 {
            assert_eq!(timeout(&mut pair.client), Ok(Vec::new()));
        }
        assert_eq!(timeout(&mut pair.client), exhausted());
    }
}

#[test]
fn repetitions_are_counted_and_each_request_has_its_own() {
    let mut pair = datagrams(Protection::BOTH, 0);
    for _ in 0..2 {
        pair.client.send(&hex(GET)).expect("sent");
        for _ in 0..3 {
            timeout(&mut pair.client).expect("repeated");
        }
        assert_eq!(timeout(&mut pair.client), exhausted());
    }
}

#[test]
fn an_answer_in_blocks_begins_again_under_another_invoke_id() {
    let value = octet_string(300);
    let mut pair = datagrams(Protection::BOTH, 128);
    let request = pair.client.send(&hex(GET)).expect("sent");
    pair.server.receive(&request).expect("undamaged");
    pair.server.channel.negotiate(Negotiation {
        conformance: ALL,
        peer_max_receive_pdu_size: 128,
    });
    let answer = [hex("C401C1 00"), value.clone()].concat();
    let block = pair.server.send(&answer).expect("sent");
    pair.client.receive(&block).expect("undamaged"); // and the request for the next block is lost
    let again = timeout(&mut pair.client).expect("repeated");
    pair.server.receive(&again).expect("undamaged");
    assert_eq!(
        pair.server.last_apdu(),
        hex(&GET.replace("C001C1", "C001C2"))
    );
    let answer = [hex("C401C2 00"), value].concat();
    let octets = pair.server.send(&answer).expect("sent");
    pair.carry(octets, false);
    assert_eq!(pair.client.last_apdu(), answer);
}

#[test]
fn a_refused_double_ends_nothing_but_a_counter_that_is_too_low_does() {
    let mut pair = datagrams(Protection::BOTH, 0);
    let request = pair.client.send(&hex(GET)).expect("sent");
    pair.server.receive(&request).expect("undamaged");
    let next = pair
        .client
        .security
        .as_ref()
        .expect("protected")
        .invocation_counter();
    for (expected, taken) in [(next, false), (next + 1, true)] {
        let refusal = format!("D80106{expected:08X}");
        let octets = pair.server.send(&hex(&refusal)).expect("sent");
        pair.client.receive(&octets).expect("undamaged");
        let seen = pair.client.seen.pop();
        if taken {
            assert_eq!(seen, Some(Seen::Apdu(hex(&refusal))));
        } else {
            assert_eq!(seen, Some(Seen::Discarded("duplicate")));
        }
    }
}

#[test]
fn an_apdu_that_no_datagram_carries_does_not_fit() {
    let mut pair = datagrams(Protection::NONE, 0);
    let mut request = hex("C301C1 0012 00002C0000FF 03 01");
    request.extend(octet_string(65_490));
    pair.client.channel.negotiate(Negotiation {
        conformance: 0,
        peer_max_receive_pdu_size: 0,
    });
    assert!(matches!(
        pair.client.send(&request),
        Err(ChannelError::DoesNotFit { limit: 65_499, .. })
    ));
}
