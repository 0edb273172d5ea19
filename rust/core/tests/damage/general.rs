//! Two sides that sign and agree on keys, and what is protected between them: no damage is ever taken for genuine.

use std::sync::OnceLock;

use dlms_fw_core::security::{
    Ciphering, Curve, GeneralKeyMaterial, KeyInformation, KeyMaterial, PrivateKey, Protection,
    PublicKey, RANDOMNESS_LENGTH, SecurityContext, SecuritySuite,
};

const KEY: [u8; 16] = [1; 16];
const PLAIN: [u8; 13] = [0xC0, 1, 0xC1, 0, 8, 0, 0, 1, 0, 0, 0xFF, 2, 0];

/// One of the two.
struct Side {
    title: [u8; 8],
    signing: PrivateKey,
    agreeing: PrivateKey,
    peer_title: [u8; 8],
    peer_signing: PublicKey,
    peer_agreeing: PublicKey,
}

impl Side {
    fn new(titles: [&[u8; 8]; 2], own: u8, peer: u8) -> Self {
        let key = |seed| {
            PrivateKey::from_scalar(Curve::P256, &[seed; 32]).expect("a scalar of the curve")
        };
        Self {
            title: *titles[0],
            signing: key(own),
            agreeing: key(own + 1),
            peer_title: *titles[1],
            peer_signing: key(peer).public(),
            peer_agreeing: key(peer + 1).public(),
        }
    }

    fn context(&self, protection: Protection) -> SecurityContext {
        let keys = KeyMaterial {
            global_unicast_encryption_key: Some(&KEY),
            authentication_key: Some(&KEY),
            ..KeyMaterial::default()
        };
        let mut context =
            SecurityContext::new(SecuritySuite::Suite1, protection, self.title, &keys)
                .expect("keys that fit");
        context
            .set_peer_system_title(Some(self.peer_title))
            .expect("another title");
        context
            .set_general_keys(GeneralKeyMaterial {
                signing_key: Some(self.signing.clone()),
                key_agreement_key: Some(self.agreeing.clone()),
                peer_signing_key: Some(self.peer_signing),
                peer_key_agreement_key: Some(self.peer_agreeing),
                master_key: Some(&KEY),
                randomness: &[7; RANDOMNESS_LENGTH],
                ..GeneralKeyMaterial::default()
            })
            .expect("keys that fit");
        context
    }
}

/// Us, and whoever sends to us; made once, for a key is worth a multiplication on the curve.
fn sides() -> &'static (Side, Side) {
    static SIDES: OnceLock<(Side, Side)> = OnceLock::new();
    SIDES.get_or_init(|| {
        (
            Side::new([b"OURTITLE", b"THEIRTIT"], 3, 5),
            Side::new([b"THEIRTIT", b"OURTITLE"], 5, 3),
        )
    })
}

/// Ours, with nothing received yet, and any protection enough.
pub(crate) fn security() -> SecurityContext {
    sides().0.context(Protection::NONE)
}

/// A message, how it is protected, and a name for it.
pub(crate) struct Message {
    pub(crate) name: String,
    pub(crate) protection: Protection,
    pub(crate) octets: Vec<u8>,
}

/// Every form of general protection.
pub(crate) fn messages() -> Vec<Message> {
    let ciphered = [
        KeyInformation::None,
        KeyInformation::Identified,
        KeyInformation::Wrapped,
        KeyInformation::OnePassDiffieHellman,
        KeyInformation::StaticUnified,
    ];
    let signed = Protection::BOTH | Protection::SIGNED;
    let mut messages = vec![
        message(Protection::SIGNED, None),
        message(signed, Some(KeyInformation::StaticUnified)),
    ];
    messages.extend(ciphered.map(|kind| message(Protection::BOTH, Some(kind))));
    messages
}

fn message(protection: Protection, kind: Option<KeyInformation>) -> Message {
    let mut context = sides().1.context(protection);
    if let Some(kind) = kind {
        context.set_ciphering(Ciphering::GeneralCiphering(kind));
    }
    assert!(context.extend(1, 2));
    let how = context.message_protection(PLAIN[0], false);
    let plan = context.plan(PLAIN[0], PLAIN.len(), how);
    let mut octets = vec![0; plan.sealed_len()];
    octets[plan.plain()].copy_from_slice(&PLAIN);
    context.seal_in_place(&plan, &mut octets).expect("sealed");
    Message {
        name: format!("{protection:?}, {kind:?}"),
        protection,
        octets,
    }
}

/// What a fresh context of ours makes of it, where nothing less than `floor` is enough: with less, whoever takes the
/// authentication away would be believed.
pub(crate) fn opened(octets: &[u8], floor: Protection) -> Option<Vec<u8>> {
    let mut octets = octets.to_vec();
    let place = sides().0.context(floor).open_in_place(&mut octets).ok()?;
    Some(octets[place].to_vec())
}

/// What was protected in all of them.
pub(crate) fn plain() -> &'static [u8] {
    &PLAIN
}
