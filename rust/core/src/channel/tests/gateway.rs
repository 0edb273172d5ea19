//! A meter behind a gateway: the prefix in both directions, over wrapper and HDLC, plain and ciphered.

use super::*;

const GET: &str = "C001C1 0008 0000010000FF 02 00";
const ANSWER: &str = "C401C1 00 0905 0102030405";

fn pair(hdlc: bool, policy: Protection, addresses: [&[u8]; 2]) -> Pair {
    let mut pair = Pair::new(hdlc, policy, 0);
    for (end, address) in [&mut pair.client, &mut pair.server]
        .into_iter()
        .zip(addresses)
    {
        let placeholder = Framing::wrapper(Role::Client, 0, 0, 0);
        let framing = core::mem::replace(&mut end.channel.framing, placeholder);
        end.channel.framing = framing.behind_gateway(7, address);
    }
    pair
}

// proves: gateway-prefix
#[test]
fn requests_and_answers_carry_the_prefix() {
    for hdlc in [false, true] {
        for policy in [
            Protection::NONE,
            Protection::AUTHENTICATED | Protection::ENCRYPTED,
        ] {
            let mut pair = pair(hdlc, policy, [&[0x12, 0x34], &[0x12, 0x34]]);
            let octets = pair.client.send(&hex(GET)).expect("sent");
            let prefix = hex("E6 07 02 1234");
            assert!(octets.windows(prefix.len()).any(|some| some == prefix));
            pair.carry(octets, true);
            assert_eq!(pair.server.last_apdu(), hex(GET));
            let octets = pair.server.send(&hex(ANSWER)).expect("sent");
            let prefix = hex("E7 07 02 1234");
            assert!(octets.windows(prefix.len()).any(|some| some == prefix));
            pair.carry(octets, false);
            assert_eq!(pair.client.last_apdu(), hex(ANSWER));
        }
    }
}

// proves: gateway-prefix
#[test]
fn what_is_for_another_meter_is_counted_and_dropped() {
    let mut pair = pair(false, Protection::NONE, [&[1], &[2]]);
    let octets = pair.client.send(&hex(GET)).expect("sent");
    pair.carry(octets, true);
    assert!(pair.server.seen.is_empty());
    assert_eq!(pair.server.channel.statistics().frames_dropped, 1);
}

// proves: gateway-prefix
#[test]
fn a_gateway_may_say_for_itself_that_something_is_impossible() {
    let mut pair = pair(false, Protection::NONE, [&[1], &[1]]);
    pair.client.send(&hex(GET)).expect("sent");
    let refusal = hex("D8 01 03");
    let framed = [&hex("0001 0001 0001 0003")[..], &refusal].concat();
    pair.client.receive(&framed).expect("taken");
    assert_eq!(pair.client.last_apdu(), refusal);
}
