//! ACCESS and data-notification-confirm between two joined channels.

use super::tests::{Pair, Seen};
use super::*;
use crate::error::DecodeErrorKind;
use crate::security::Protection;
use crate::xdlms::invoke::LongInvokeIdAndPriority;
use crate::xdlms::samples::hex;

const REQUEST: &str = "D9 40000007 00 03 01 0012 00002C0000FF 02 02 0012 00002C0000FF 05 \
                       03 0012 00002C0000FF 03 03 00 0301 0F00";
const RESPONSE: &str = "DA 40000007 00 00 03 0600000080 00 00 03 0100 0200 0300";

#[test]
fn access_arrives_over_every_link_under_every_protection() {
    for hdlc in [false, true] {
        for policy in [Protection::NONE, Protection::ENCRYPTED, Protection::BOTH] {
            let mut pair = Pair::new(hdlc, policy, 1200);
            pair.exchange(&hex(REQUEST), &hex(RESPONSE), 1200);
            pair.exchange(&hex(REQUEST), &hex(RESPONSE), 1200);
        }
    }
}

#[test]
fn access_has_no_service_specific_ciphering() {
    let mut pair = Pair::new(false, Protection::BOTH, 1200);
    let octets = pair.client.send(&hex(REQUEST)).expect("sent");
    assert_eq!(octets[8], 0xDB, "general-glo-ciphering behind the wrapper");
}

#[test]
fn c_22_an_access_response_answers_each_item_by_its_service() {
    for wrong in [
        "DA 40000007 00 00 02 0600000080 00 02 0100 0200",
        "DA 40000007 00 00 04 0600000080 00 00 00 04 0100 0200 0300 0300",
        "DA 40000007 00 00 03 0600000080 00 00 03 0200 0200 0300",
    ] {
        let mut pair = Pair::new(false, Protection::NONE, 0);
        let octets = pair.client.send(&hex(REQUEST)).expect("sent");
        pair.carry(octets, true);
        let octets = pair.server.send(&hex(wrong)).expect("sent");
        let refused = ChannelError::Decode(DecodeError::new(DecodeErrorKind::WrongLength, 0));
        assert_eq!(pair.client.receive(&octets), Err(refused));
    }
}

#[test]
fn l_18_an_access_response_of_another_id_is_discarded() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let octets = pair.client.send(&hex(REQUEST)).expect("sent");
    pair.carry(octets, true);
    let stale = hex("DA 40000006 00 00 00 00");
    for response in [stale, hex(RESPONSE), hex(RESPONSE)] {
        let octets = pair.server.send(&response).expect("sent");
        pair.carry(octets, false);
    }
    let stale = Seen::Discarded("invoke-id");
    assert_eq!(
        pair.client.seen,
        [
            stale,
            Seen::Apdu(hex(RESPONSE)),
            Seen::Discarded("invoke-id")
        ]
    );
}

#[test]
fn long_ids_go_on_and_pass_over_those_that_wait() {
    let mut pair = Pair::new(false, Protection::NONE, 0);
    let options = LongInvokeIdAndPriority(0xE000_0000);
    assert_eq!(
        pair.client.channel.next_long_invoke_id(options).0,
        0xE000_0001
    );
    pair.client
        .send(&hex("D9 40FFFFFF 00 00 00"))
        .expect("sent");
    pair.client
        .send(&hex("D9 40000000 00 00 00"))
        .expect("sent");
    pair.client
        .send(&hex("D9 00FFFFFE 00 00 00"))
        .expect("sent");
    assert_eq!(
        pair.client.channel.next_long_invoke_id(options).0,
        0xE000_0001,
        "after FFFFFE come the two that wait"
    );
}

#[test]
fn c_24_access_that_does_not_fit_is_refused_before_anything_is_sent() {
    let mut pair = Pair::new(false, Protection::NONE, 40);
    let length = hex(REQUEST).len();
    let refused = ChannelError::DoesNotFit { length, limit: 40 };
    assert_eq!(pair.client.send(&hex(REQUEST)), Err(refused));
    assert_eq!(pair.client.channel.statistics().octets_sent, 0);
}

#[test]
fn a_notification_and_its_confirmation_pass_each_other_on_a_link() {
    let notification = "0F C0000005 00 0202 1101 1102";
    let confirmation = "10 C0000005 00";
    for hdlc in [false, true] {
        let mut pair = Pair::new(hdlc, Protection::BOTH, 0);
        pair.exchange(&hex(REQUEST), &hex(RESPONSE), 0);
        let octets = pair.client.send(&hex(REQUEST)).expect("sent");
        pair.carry(octets, true);
        assert_eq!(pair.server.last_apdu(), hex(REQUEST));
        let octets = pair.server.send(&hex(notification)).expect("sent");
        pair.carry(octets, false);
        assert_eq!(pair.client.last_apdu(), hex(notification));
        let octets = pair.client.send(&hex(confirmation)).expect("sent");
        pair.carry(octets, true);
        assert_eq!(pair.server.last_apdu(), hex(confirmation));
        if !hdlc {
            // On an HDLC link the server has had its turn with the notification, and waits to be asked again.
            let octets = pair.server.send(&hex(RESPONSE)).expect("sent");
            pair.carry(octets, false);
            assert_eq!(pair.client.last_apdu(), hex(RESPONSE));
        }
    }
}
