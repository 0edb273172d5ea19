//! general-ciphering and general-signing between two contexts: every form goes both ways, and every forgery is refused.

use super::super::super::asymmetric::{Curve, PrivateKey};
use super::super::super::general_keys::{GeneralKeyMaterial, RANDOMNESS_LENGTH};
use super::*;

const GET_RESPONSE: [u8; 6] = [0xC4, 0x01, 0xC1, 0x00, 0x11, 0x2A];
const KINDS: [KeyInformation; 5] = [
    KeyInformation::None,
    KeyInformation::Identified,
    KeyInformation::Wrapped,
    KeyInformation::OnePassDiffieHellman,
    KeyInformation::StaticUnified,
];

struct Set {
    suite: SecuritySuite,
    requests: Protection,
    responses: Protection,
    ciphering: Ciphering,
}

fn scalar(suite: SecuritySuite, seed: u8) -> PrivateKey {
    let curve = Curve::of(suite).expect("suite 1 or 2");
    PrivateKey::from_scalar(curve, &vec![seed; curve.field_length()]).expect("a scalar")
}

impl Set {
    fn new(suite: SecuritySuite, protection: Protection, ciphering: Ciphering) -> Self {
        Self {
            suite,
            requests: protection,
            responses: protection,
            ciphering,
        }
    }

    fn side(&self, client: bool) -> SecurityContext {
        let (own, peer) = if client {
            (CLIENT, SERVER)
        } else {
            (SERVER, CLIENT)
        };
        let key = [EK, EK].concat()[..self.suite.key_length()].to_vec();
        let keys = KeyMaterial {
            global_unicast_encryption_key: Some(&key),
            authentication_key: Some(&key),
            ..KeyMaterial::default()
        };
        let (policy, floor) = if client {
            (self.requests, self.responses)
        } else {
            (self.responses, self.requests)
        };
        let mut context = SecurityContext::new(self.suite, policy, own, &keys).expect("keys fit");
        context.set_floor(floor);
        context
            .set_peer_system_title(Some(peer))
            .expect("another title");
        let (ours, theirs) = if client { (1, 3) } else { (3, 1) };
        context
            .set_general_keys(GeneralKeyMaterial {
                signing_key: Some(scalar(self.suite, ours)),
                key_agreement_key: Some(scalar(self.suite, ours + 1)),
                peer_signing_key: Some(scalar(self.suite, theirs).public()),
                peer_key_agreement_key: Some(scalar(self.suite, theirs + 1).public()),
                master_key: Some(&key),
                randomness: &[ours * 17; RANDOMNESS_LENGTH],
                ..GeneralKeyMaterial::default()
            })
            .expect("keys fit");
        if client {
            context.set_ciphering(self.ciphering);
        }
        assert!(context.extend(1, 1000));
        context
    }

    fn pair(&self) -> (SecurityContext, SecurityContext) {
        (self.side(true), self.side(false))
    }
}

fn sealed(context: &mut SecurityContext, plain: &[u8], answering: bool) -> Vec<u8> {
    try_sealed(context, plain, answering).expect("sealed")
}

fn try_sealed(
    context: &mut SecurityContext,
    plain: &[u8],
    answering: bool,
) -> Result<Vec<u8>, SecurityError> {
    let message = context.message_protection(plain[0], answering);
    let plan = context.plan(plain[0], plain.len(), message);
    let mut out = vec![0; plan.sealed_len()];
    out[plan.plain()].copy_from_slice(plain);
    context.seal_in_place(&plan, &mut out).map(|()| out)
}

fn opened(context: &mut SecurityContext, octets: &[u8]) -> Result<Vec<u8>, SecurityErrorKind> {
    let mut octets = octets.to_vec();
    match context.open_in_place(&mut octets) {
        Ok(plain) => Ok(octets[plain].to_vec()),
        Err(error) => Err(error.kind),
    }
}

fn protections() -> impl Iterator<Item = Protection> {
    (1..8).filter_map(|bits| Protection::from_bits(bits << 4))
}

fn forms() -> impl Iterator<Item = Ciphering> {
    KINDS
        .into_iter()
        .map(Ciphering::GeneralCiphering)
        .chain([Ciphering::ServiceSpecific, Ciphering::General])
}

fn signed_and_ciphered() -> Protection {
    Protection::BOTH | Protection::SIGNED
}

// proves: general-ciphering, general-signing, security-combinations
#[test]
fn every_combination_goes_both_ways_and_the_answer_is_in_kind() {
    for suite in [SecuritySuite::Suite1, SecuritySuite::Suite2] {
        for ciphering in forms() {
            for protection in protections() {
                if suite == SecuritySuite::Suite2 && protection != signed_and_ciphered() {
                    continue; // the slower curve, once per form
                }
                let (mut client, mut server) = Set::new(suite, protection, ciphering).pair();
                for _ in 0..2 {
                    let request = sealed(&mut client, &GET_CLOCK, false);
                    assert_eq!(opened(&mut server, &request), Ok(GET_CLOCK.to_vec()));
                    let answer = sealed(&mut server, &GET_RESPONSE, true);
                    let general = matches!(
                        ciphering,
                        Ciphering::GeneralCiphering(_) | Ciphering::General
                    );
                    if protection.is_signed() || general {
                        assert_eq!(answer[0], request[0], "{ciphering:?} {protection:?}");
                    }
                    assert_eq!(opened(&mut client, &answer), Ok(GET_RESPONSE.to_vec()));
                    assert!(
                        opened(&mut client, &answer).is_err(),
                        "the answer came again"
                    );
                    assert!(
                        opened(&mut server, &request).is_err(),
                        "the request came again"
                    );
                    assert!(opened(&mut server, &answer).is_err(), "reflected");
                }
            }
        }
    }
}

#[test]
fn s_06_no_changed_octet_is_taken_and_none_changes_the_state() {
    for ciphering in forms() {
        let set = Set::new(SecuritySuite::Suite1, signed_and_ciphered(), ciphering);
        let (mut client, mut server) = set.pair();
        let request = sealed(&mut client, &GET_CLOCK, false);
        // A signature costs; one octet in thirteen is enough of the long ones.
        for at in (0..request.len()).step_by(13) {
            let mut changed = request.clone();
            changed[at] ^= 0x04;
            assert!(opened(&mut server, &changed).is_err(), "octet {at}");
            assert!(opened(&mut server, &request[..at]).is_err(), "cut at {at}");
        }
        assert_eq!(server.peer_counter(), None);
        assert_eq!(opened(&mut server, &request), Ok(GET_CLOCK.to_vec()));
    }
    for kind in KINDS {
        let ciphering = Ciphering::GeneralCiphering(kind);
        let (mut client, mut server) =
            Set::new(SecuritySuite::Suite1, Protection::BOTH, ciphering).pair();
        let request = sealed(&mut client, &GET_CLOCK, false);
        for at in 0..request.len() {
            let mut changed = request.clone();
            changed[at] ^= 0x80;
            assert!(
                opened(&mut server, &changed).is_err(),
                "{kind:?} octet {at}"
            );
        }
        assert_eq!(opened(&mut server, &request), Ok(GET_CLOCK.to_vec()));
    }
}

#[test]
fn s_02_less_than_the_floor_of_its_direction_is_refused() {
    for floor in protections() {
        for sent in protections().filter(|sent| !sent.covers(floor)) {
            for ciphering in [
                Ciphering::ServiceSpecific,
                Ciphering::GeneralCiphering(KeyInformation::Identified),
            ] {
                let mut server = Set::new(SecuritySuite::Suite1, floor, ciphering).side(false);
                let mut client = Set::new(SecuritySuite::Suite1, sent, ciphering).side(true);
                let request = sealed(&mut client, &GET_CLOCK, false);
                let refused = opened(&mut server, &request);
                assert_eq!(
                    refused,
                    Err(SecurityErrorKind::Downgrade),
                    "{floor:?} {sent:?}"
                );
            }
        }
    }
}

// proves: security-directions
#[test]
fn each_direction_has_its_own_policy() {
    let set = Set {
        suite: SecuritySuite::Suite1,
        requests: Protection::AUTHENTICATED,
        responses: signed_and_ciphered(),
        ciphering: Ciphering::ServiceSpecific,
    };
    let (mut client, mut server) = set.pair();
    let request = sealed(&mut client, &GET_CLOCK, false);
    assert_eq!(request[..3], [0xC8, 0x1E, 0x11]);
    assert_eq!(opened(&mut server, &request), Ok(GET_CLOCK.to_vec()));
    let answer = sealed(&mut server, &GET_RESPONSE, true);
    assert_eq!(answer[0], 0xDF);
    assert_eq!(opened(&mut client, &answer), Ok(GET_RESPONSE.to_vec()));
}

#[test]
fn s_04_an_answer_to_another_request_is_refused() {
    let ciphering = Ciphering::GeneralCiphering(KeyInformation::OnePassDiffieHellman);
    let set = Set::new(SecuritySuite::Suite1, Protection::BOTH, ciphering);
    let (mut client, mut server) = set.pair();
    let request = sealed(&mut client, &GET_CLOCK, false);
    assert!(opened(&mut server, &request).is_ok());
    // Not answering: a transaction of the server's own.
    let message = server.message_protection(0xC4, true);
    let own = MessageProtection {
        answering: false,
        ..message
    };
    let plan = server.plan(0xC4, GET_RESPONSE.len(), own);
    let mut out = vec![0; plan.sealed_len()];
    out[plan.plain()].copy_from_slice(&GET_RESPONSE);
    server.seal_in_place(&plan, &mut out).expect("sealed");
    assert_eq!(
        opened(&mut client, &out),
        Err(SecurityErrorKind::TransactionId)
    );
    let answer = sealed(&mut server, &GET_RESPONSE, true);
    assert!(opened(&mut client, &answer).is_ok());
}

#[test]
fn s_09_titles_and_keys_of_others_are_refused() {
    for ciphering in forms() {
        let set = Set::new(SecuritySuite::Suite1, signed_and_ciphered(), ciphering);
        let (mut client, mut server) = set.pair();
        // Made for another meter.
        client.peer_system_title = Some(*b"ABC\0\0\0\0\x07");
        let request = sealed(&mut client, &GET_CLOCK, false);
        assert_eq!(
            opened(&mut server, &request),
            Err(SecurityErrorKind::SystemTitle)
        );
        // Made by another client, who has all symmetric keys, but not our signing key.
        let mut other = set.side(true);
        let mut keys = GeneralKeyMaterial {
            signing_key: Some(scalar(SecuritySuite::Suite1, 9)),
            ..GeneralKeyMaterial::default()
        };
        keys.key_agreement_key = Some(scalar(SecuritySuite::Suite1, 2));
        keys.peer_key_agreement_key = Some(scalar(SecuritySuite::Suite1, 4).public());
        keys.master_key = Some(&EK);
        keys.randomness = &[1; RANDOMNESS_LENGTH];
        other.set_general_keys(keys).expect("keys fit");
        let request = sealed(&mut other, &GET_CLOCK, false);
        assert_eq!(
            opened(&mut server, &request),
            Err(SecurityErrorKind::Signature)
        );
    }
}

#[test]
fn s_03_a_key_that_was_not_decided_on_is_refused() {
    for (asked, given) in [
        (
            KeyInformation::OnePassDiffieHellman,
            KeyInformation::Identified,
        ),
        (KeyInformation::StaticUnified, KeyInformation::Wrapped),
        (KeyInformation::Wrapped, KeyInformation::None),
    ] {
        let ciphering = Ciphering::GeneralCiphering(asked);
        let set = Set::new(SecuritySuite::Suite1, Protection::BOTH, ciphering);
        let (mut client, mut server) = set.pair();
        let request = sealed(&mut client, &GET_CLOCK, false);
        assert!(opened(&mut server, &request).is_ok());
        for (form, refusal) in [
            (
                Ciphering::GeneralCiphering(given),
                SecurityErrorKind::KeyInformation,
            ),
            (Ciphering::ServiceSpecific, SecurityErrorKind::Downgrade),
            (Ciphering::General, SecurityErrorKind::Downgrade),
        ] {
            let message = MessageProtection {
                ciphering: form,
                ..server.message_protection(0xC4, true)
            };
            let plan = server.plan(0xC4, GET_RESPONSE.len(), message);
            let mut out = vec![0; plan.sealed_len()];
            out[plan.plain()].copy_from_slice(&GET_RESPONSE);
            server.seal_in_place(&plan, &mut out).expect("sealed");
            assert_eq!(opened(&mut client, &out), Err(refusal));
        }
    }
}

// proves: broadcast-keys
#[test]
fn a_broadcast_key_never_carries_a_confirmed_service() {
    let confirmed = [0xC3, 0x01, 0xC1, 0, 18, 0, 0, 44, 0, 0, 0xFF, 2, 0];
    let mut unconfirmed = confirmed;
    unconfirmed[2] = 0x81;
    let keys = KeyMaterial {
        global_broadcast_encryption_key: Some(&EK),
        authentication_key: Some(&AK),
        ..KeyMaterial::default()
    };
    for ciphering in [
        Ciphering::ServiceSpecific,
        Ciphering::General,
        Ciphering::GeneralCiphering(KeyInformation::Identified),
    ] {
        let mut sides = [CLIENT, SERVER].map(|own| {
            let mut context =
                SecurityContext::new(SecuritySuite::Suite0, Protection::BOTH, own, &keys)
                    .expect("keys fit");
            let peer = if own == CLIENT { SERVER } else { CLIENT };
            context.set_peer_system_title(Some(peer)).expect("another");
            let randomness = [5; RANDOMNESS_LENGTH];
            let general = GeneralKeyMaterial {
                randomness: &randomness,
                ..GeneralKeyMaterial::default()
            };
            context.set_general_keys(general).expect("no keys");
            context.set_ciphering(ciphering);
            assert!(context.extend(1, 100));
            context
        });
        let [client, server] = &mut sides;
        let sent = sealed(client, &unconfirmed, false);
        assert_eq!(opened(server, &sent), Ok(unconfirmed.to_vec()));
        assert_eq!(
            try_sealed(client, &confirmed, false).map_err(|error| error.kind),
            Err(SecurityErrorKind::UnsupportedProtection)
        );
        if ciphering != Ciphering::GeneralCiphering(KeyInformation::Identified) {
            let control = sent.iter().position(|&octet| octet == 0x70);
            assert!(control.is_some(), "the broadcast bit");
        }
    }
}

// proves: security-header-option
#[test]
fn the_header_of_general_ciphering_is_authenticated_unless_both_leave_it_out() {
    let ciphering = Ciphering::GeneralCiphering(KeyInformation::Identified);
    let set = Set::new(SecuritySuite::Suite1, Protection::BOTH, ciphering);
    let (mut client, mut server) = set.pair();
    client.set_header_authenticated(false);
    let request = sealed(&mut client, &GET_CLOCK, false);
    assert_eq!(opened(&mut server, &request), Err(SecurityErrorKind::Tag));
    server.set_header_authenticated(false);
    assert!(opened(&mut server, &request).is_ok());
}

#[test]
fn a_signature_inside_the_ciphering_is_taken_and_a_third_layer_is_not() {
    let set = Set::new(
        SecuritySuite::Suite1,
        Protection::SIGNED,
        Ciphering::General,
    );
    let (mut client, mut server) = set.pair();
    let signed = sealed(&mut client, &GET_CLOCK, false);
    let message = MessageProtection {
        protection: Protection::BOTH,
        ..client.message_protection(0xC0, false)
    };
    let wrap = |client: &mut SecurityContext, inner: &[u8]| {
        let plan = client.plan(inner[0], inner.len(), message);
        let mut out = vec![0; plan.sealed_len()];
        out[plan.plain()].copy_from_slice(inner);
        client.seal_in_place(&plan, &mut out).expect("sealed");
        out
    };
    let ciphered = wrap(&mut client, &signed);
    assert_eq!(ciphered[0], 0xDB);
    let twice = wrap(&mut client, &ciphered);
    assert!(opened(&mut server, &twice).is_err());
    assert_eq!(opened(&mut server, &ciphered), Ok(GET_CLOCK.to_vec()));
}
