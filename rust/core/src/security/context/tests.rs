//! Worked examples, and every way in which a message must be refused.

use super::*;

const CLIENT: SystemTitle = *b"MMM\x00\x00\x00\x00\x01";
const SERVER: SystemTitle = *b"MMM\x00\x00\xBC\x61\x4E";
const EK: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
const AK: [u8; 16] = [
    0xD0, 0xD1, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF,
];

fn context(own: SystemTitle, peer: SystemTitle, policy: Protection) -> SecurityContext {
    let keys = KeyMaterial {
        global_unicast_encryption_key: Some(&EK),
        authentication_key: Some(&AK),
        ..KeyMaterial::default()
    };
    let mut context =
        SecurityContext::new(SecuritySuite::Suite0, policy, own, &keys).expect("keys fit");
    context
        .set_peer_system_title(Some(peer))
        .expect("another title");
    assert!(context.extend(1, 1000));
    context
}

fn pair(policy: Protection) -> (SecurityContext, SecurityContext) {
    (
        context(CLIENT, SERVER, policy),
        context(SERVER, CLIENT, policy),
    )
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| {
            u8::from_str_radix(core::str::from_utf8(pair).expect("ascii"), 16).expect("hex")
        })
        .collect()
}

const GET_CLOCK: [u8; 13] = [
    0xC0, 0x01, 0x00, 0x00, 0x08, 0x00, 0x00, 0x01, 0x00, 0x00, 0xFF, 0x02, 0x00,
];

#[test]
fn worked_example_of_all_three_protections() {
    for (protection, expected) in [
        (
            Protection::AUTHENTICATED,
            "C81E1001234567C0010000080000010000FF020006725D910F9221D263877516",
        ),
        (
            Protection::ENCRYPTED,
            "C8122001234567411312FF935A47566827C467BC",
        ),
        (
            Protection::BOTH,
            "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B",
        ),
    ] {
        let mut sender = context(SERVER, CLIENT, protection);
        assert!(sender.extend(0x0123_4567, 0x0123_4569));
        let mut sealed = sender.seal(&GET_CLOCK, protection).expect("sealed");
        assert_eq!(sealed, hex(expected));
        let mut receiver = context(CLIENT, SERVER, protection);
        let plain = receiver.open_in_place(&mut sealed).expect("genuine");
        assert_eq!(&sealed[plain], &GET_CLOCK);
    }
}

#[test]
fn worked_example_of_hls_gmac() {
    let mut client = context(CLIENT, SERVER, Protection::BOTH);
    let proof = client
        .gmac(&hex("503677524A323146"))
        .expect("counters are reserved");
    assert_eq!(proof.to_vec(), hex("10 00000001 1A52FE7DD3E72748973C1E28"));
    let server_proof = hex("10 01234567 FE1466AFB3DBCD4F9389E2B7");
    assert_eq!(
        client.verify_gmac(&hex("4B35366956616759"), &server_proof),
        Ok(())
    );
    assert_eq!(
        client
            .verify_gmac(&hex("4B35366956616758"), &server_proof)
            .map_err(|error| error.kind),
        Err(SecurityErrorKind::Proof)
    );
}

#[test]
fn s_04_s_05_equal_and_lower_counters_are_refused() {
    let (mut client, mut server) = pair(Protection::BOTH);
    let first = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    let second = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    assert!(server.open_in_place(&mut second.clone()).is_ok());
    for replayed in [first, second] {
        let error = server
            .open_in_place(&mut replayed.clone())
            .expect_err("not above");
        assert_eq!(
            error,
            SecurityError {
                kind: SecurityErrorKind::Replay,
                expected_counter: Some(3)
            }
        );
    }
}

#[test]
fn s_06_s_08_a_forged_counter_with_a_bad_tag_changes_nothing() {
    let (mut client, mut server) = pair(Protection::BOTH);
    let mut forged = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    forged[3..7].copy_from_slice(&u32::MAX.to_be_bytes());
    let before = forged.clone();
    assert_eq!(
        server.open_in_place(&mut forged),
        Err(SecurityErrorKind::Tag.into())
    );
    assert_eq!(forged, before, "nothing has been deciphered");
    assert_eq!(server.peer_counter(), None);
    let mut genuine = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    assert!(server.open_in_place(&mut genuine).is_ok());
}

#[test]
fn s_02_weaker_protection_than_the_policy_is_refused() {
    for weaker in [Protection::AUTHENTICATED, Protection::ENCRYPTED] {
        let mut client = context(CLIENT, SERVER, weaker);
        let mut server = context(SERVER, CLIENT, Protection::BOTH);
        let mut sealed = client.seal(&GET_CLOCK, weaker).expect("sealed");
        assert_eq!(
            server.open_in_place(&mut sealed),
            Err(SecurityErrorKind::Downgrade.into())
        );
    }
}

#[test]
fn s_03_other_suites_compression_and_broadcast_are_refused() {
    let (mut client, mut server) = pair(Protection::BOTH);
    let sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    for (bits, kind) in [
        (0x31, SecurityErrorKind::SuiteMismatch),
        (0xB0, SecurityErrorKind::UnsupportedProtection),
        (0x70, SecurityErrorKind::UnsupportedProtection),
    ] {
        let mut changed = sealed.clone();
        changed[2] = bits;
        assert_eq!(server.open_in_place(&mut changed), Err(kind.into()));
    }
}

#[test]
fn s_10_our_own_message_reflected_is_refused() {
    let (mut client, _) = pair(Protection::BOTH);
    let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    assert_eq!(
        client.open_in_place(&mut sealed),
        Err(SecurityErrorKind::Tag.into())
    );
    client.set_ciphering(Ciphering::General);
    let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
    assert_eq!(
        client.open_in_place(&mut sealed),
        Err(SecurityErrorKind::SystemTitle.into())
    );
    assert!(client.set_peer_system_title(Some(CLIENT)).is_err());
}

#[test]
fn s_22_an_exhausted_range_refuses_and_counters_never_go_down() {
    let (mut client, _) = pair(Protection::BOTH);
    assert!(client.extend(10, 11));
    assert!(client.seal(&GET_CLOCK, Protection::BOTH).is_ok());
    assert_eq!(
        client.seal(&GET_CLOCK, Protection::BOTH),
        Err(SecurityErrorKind::CounterExhausted.into())
    );
    assert!(!client.extend(10, 100), "10 has been used");
    assert!(client.extend(11, 100));
}

#[test]
fn s_17_a_proof_of_another_suite_or_control_is_refused() {
    let (mut client, mut server) = pair(Protection::BOTH);
    let mut proof = client.gmac(b"challenge").expect("made");
    proof[0] = 0x30;
    assert_eq!(
        server.verify_gmac(b"challenge", &proof),
        Err(SecurityErrorKind::SuiteMismatch.into())
    );
    assert_eq!(
        server.verify_gmac(b"challenge", &proof[..16]),
        Err(SecurityErrorKind::Proof.into())
    );
}

#[test]
fn the_service_inside_must_be_the_one_outside() {
    let (mut client, mut server) = pair(Protection::BOTH);
    let plan = client.plan(
        0xC1,
        GET_CLOCK.len(),
        client.message_protection(0xC1, false),
    );
    let mut sealed = vec![0; plan.sealed_len()];
    sealed[plan.plain()].copy_from_slice(&GET_CLOCK);
    client.seal_in_place(&plan, &mut sealed).expect("sealed");
    assert_eq!(
        server.open_in_place(&mut sealed),
        Err(SecurityErrorKind::UnsupportedProtection.into())
    );
}

#[test]
fn suite_2_dedicated_and_general_forms_open_what_they_seal() {
    let keys = KeyMaterial {
        global_unicast_encryption_key: Some(&[1; 32]),
        dedicated_key: Some(&[2; 32]),
        authentication_key: Some(&[3; 32]),
        ..KeyMaterial::default()
    };
    for general in [false, true] {
        let make = |own, peer| {
            let mut context =
                SecurityContext::new(SecuritySuite::Suite2, Protection::BOTH, own, &keys)
                    .expect("keys fit");
            context
                .set_peer_system_title(Some(peer))
                .expect("another title");
            if general {
                context.set_ciphering(Ciphering::General);
            }
            assert!(context.extend(0, 10));
            context
        };
        let (mut client, mut server) = (make(CLIENT, SERVER), make(SERVER, CLIENT));
        let mut sealed = client.seal(&GET_CLOCK, Protection::BOTH).expect("sealed");
        assert_eq!(sealed[0], if general { 0xDC } else { 0xD0 });
        let plain = server.open_in_place(&mut sealed).expect("genuine");
        assert_eq!(&sealed[plain], &GET_CLOCK);
    }
    let short = KeyMaterial {
        global_unicast_encryption_key: Some(&[1; 16]),
        ..KeyMaterial::default()
    };
    assert!(SecurityContext::new(SecuritySuite::Suite2, Protection::BOTH, CLIENT, &short).is_err());
}

#[path = "general_tests.rs"]
mod general;
