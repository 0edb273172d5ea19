//! The vectors of project Wycheproof against our primitives: AES-GCM and GMAC with tags of 12 octets, AES key wrap, ECDSA and ECDH.
//!
//! Each group that does not apply is counted with its reason, and so are the cases that ran: a release of the vectors that has
//! others changes a number here.

use std::collections::BTreeMap;

use super::gcm::{Gcm, TAG_LENGTH};
use super::{Curve, PrivateKey, PublicKey, unwrap_key, wrap_key};
use wycheproof::TestResult;

/// How many cases ran, and how many were passed over for which reason.
#[derive(Default)]
struct Tally {
    ran: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn skip(&mut self, reason: &'static str, cases: usize) {
        *self.skipped.entry(reason).or_default() += cases;
    }

    fn is(&self, ran: usize, skipped: &[(&'static str, usize)]) {
        assert_eq!(self.ran, ran, "cases that ran");
        assert_eq!(self.skipped, BTreeMap::from_iter(skipped.iter().copied()));
    }
}

const LAST_OCTETS: &str = "the change is in the four octets of the tag that are not sent";
const OTHER_KEY: &str = "a wrapped key that is no key of a security suite; refused";
const KEY_192: &str = "keys of 192 bits, which no security suite has";

// proves: primitives-wycheproof
#[test]
fn gcm_and_gmac() {
    let (mut sealed, mut macs) = (Tally::default(), Tally::default());
    let set = wycheproof::aead::TestSet::load(wycheproof::aead::TestName::AesGcm).expect("vectors");
    for group in set.test_groups {
        if group.nonce_size != 96 {
            sealed.skip("another IV than 12 octets", group.tests.len());
            continue;
        }
        if group.key_size == 192 {
            sealed.skip(KEY_192, group.tests.len());
            continue;
        }
        assert_eq!(group.tag_size, 128);
        for test in group.tests {
            let gcm = Gcm::new(&test.key).expect("a key");
            let iv: [u8; 12] = test.nonce[..].try_into().expect("12 octets");
            let mut text = test.pt.to_vec();
            let tag = gcm.seal_in_place(&iv, &gcm.take_in(&test.aad), &mut text);
            let given: [u8; TAG_LENGTH] = test.tag[..TAG_LENGTH].try_into().expect("12 octets");
            if test.result == TestResult::Invalid && given == tag && text == test.ct[..] {
                sealed.skip(LAST_OCTETS, 1);
                continue;
            }
            if test.result == TestResult::Valid {
                assert_eq!((&text[..], tag), (&test.ct[..], given), "{}", test.tc_id);
            }
            let mut opened = test.ct.to_vec();
            let verdict = gcm.open_in_place(&iv, &gcm.take_in(&test.aad), &mut opened, given);
            assert_eq!(
                verdict.is_ok(),
                test.result == TestResult::Valid,
                "{}",
                test.tc_id
            );
            if verdict.is_ok() {
                assert_eq!(opened, test.pt[..], "{}", test.tc_id);
            }
            sealed.ran += 1;
            if test.pt.is_empty() {
                let mac = gcm.gmac(&iv, &gcm.take_in(&test.aad));
                assert_eq!(
                    mac == given,
                    test.result == TestResult::Valid,
                    "{}",
                    test.tc_id
                );
                macs.ran += 1;
            }
        }
    }
    sealed.is(
        119,
        &[
            ("another IV than 12 octets", 119),
            (KEY_192, 64),
            (LAST_OCTETS, 14),
        ],
    );
    macs.is(3, &[]);
}

// proves: primitives-wycheproof
#[test]
fn aes_key_wrap() {
    let mut tally = Tally::default();
    let set = wycheproof::keywrap::TestSet::load(wycheproof::keywrap::TestName::AesKeyWrap)
        .expect("vectors");
    for group in set.test_groups {
        if group.key_size == 192 {
            tally.skip(KEY_192, group.tests.len());
            continue;
        }
        for test in group.tests {
            let unwrapped = unwrap_key(&test.key, &test.ct);
            match test.result {
                TestResult::Valid if ![16, 32].contains(&test.pt.len()) => {
                    tally.skip(OTHER_KEY, 1);
                    assert!(unwrapped.is_err() && wrap_key(&test.key, &test.pt).is_err());
                    continue;
                }
                TestResult::Valid => {
                    let wrapped = wrap_key(&test.key, &test.pt).expect("wrapped");
                    assert_eq!(wrapped[..], test.ct[..], "{}", test.tc_id);
                    assert_eq!(unwrapped.expect("a key")[..], test.pt[..], "{}", test.tc_id);
                }
                _ => assert!(unwrapped.is_err(), "{}", test.tc_id),
            }
            tally.ran += 1;
        }
    }
    tally.is(101, &[(KEY_192, 55), (OTHER_KEY, 9)]);
}

// proves: primitives-wycheproof
#[test]
fn ecdsa() {
    use wycheproof::ecdsa::{TestName, TestSet};
    let mut tally = Tally::default();
    for name in [
        TestName::EcdsaSecp256r1Sha256P1363,
        TestName::EcdsaSecp384r1Sha384P1363,
    ] {
        for group in TestSet::load(name).expect("vectors").test_groups {
            let key = PublicKey::from_spki(&group.der).expect("a key");
            for test in group.tests {
                let verdict = key.verify(&[&test.msg], &test.sig);
                assert_eq!(
                    verdict.is_ok(),
                    test.result == TestResult::Valid,
                    "{name:?} {}",
                    test.tc_id
                );
                tally.ran += 1;
            }
        }
    }
    tally.is(542, &[]);
}

// proves: primitives-wycheproof
#[test]
fn ecdh() {
    use wycheproof::ecdh::{TestName, TestSet};
    let mut tally = Tally::default();
    // The sets with bare points have the same keys and fewer ways to lie about them.
    for (name, curve, width) in [
        (TestName::EcdhSecp256r1, Curve::P256, 32),
        (TestName::EcdhSecp384r1, Curve::P384, 48),
    ] {
        for group in TestSet::load(name).expect("vectors").test_groups {
            for test in group.tests {
                let given: &[u8] = &test.private_key;
                let zeros = given.iter().take_while(|octet| **octet == 0).count();
                let digits = &given[zeros..];
                let mut scalar = vec![0; width];
                scalar[width - digits.len()..].copy_from_slice(digits);
                let private = PrivateKey::from_scalar(curve, &scalar).expect("a scalar");
                let agreed = PublicKey::from_spki(&test.public_key)
                    .and_then(|public| private.agree(&public));
                let place = (name, test.tc_id);
                match (test.result, agreed) {
                    (TestResult::Valid, agreed) => {
                        let agreed = agreed.expect("a secret");
                        assert_eq!(agreed[..], test.shared_secret[..], "{place:?}");
                    }
                    (TestResult::Acceptable, Ok(agreed)) => {
                        assert_eq!(agreed[..], test.shared_secret[..], "{place:?}");
                    }
                    (TestResult::Acceptable, Err(_)) => {}
                    (TestResult::Invalid, agreed) => assert!(agreed.is_err(), "{place:?}"),
                }
                tally.ran += 1;
            }
        }
    }
    tally.is(1659, &[]);
}
