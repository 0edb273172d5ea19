//! The security control octet, and the suites it names.
//!
//! Bits 0..3 suite, 4 authentication, 5 encryption, 6 broadcast key set, 7 compression (Green Book, security header).

use core::ops::BitOr;

/// Which of the three security suites; decides the length of the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecuritySuite {
    /// AES-GCM-128.
    Suite0,
    /// AES-GCM-128, ECDSA and ECDH on P-256.
    Suite1,
    /// AES-GCM-256, ECDSA and ECDH on P-384.
    Suite2,
}

impl SecuritySuite {
    /// The suite with this id, or `None`.
    #[must_use]
    pub const fn from_id(id: u8) -> Option<Self> {
        match id {
            0 => Some(Self::Suite0),
            1 => Some(Self::Suite1),
            2 => Some(Self::Suite2),
            _ => None,
        }
    }

    /// The id in the security control octet.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Suite0 => 0,
            Self::Suite1 => 1,
            Self::Suite2 => 2,
        }
    }

    /// The length of symmetric keys in octets.
    #[must_use]
    pub const fn key_length(self) -> usize {
        match self {
            Self::Suite0 | Self::Suite1 => 16,
            Self::Suite2 => 32,
        }
    }
}

/// How far an APDU is protected: a set of authentication, encryption and digital signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protection(u8);

impl Protection {
    /// Plain.
    pub const NONE: Self = Self(0x00);
    /// Authenticated, readable.
    pub const AUTHENTICATED: Self = Self(0x10);
    /// Encrypted, without proof of origin.
    pub const ENCRYPTED: Self = Self(0x20);
    /// Authenticated and encrypted.
    pub const BOTH: Self = Self(0x30);
    /// Signed by the sender; no bit of the security control octet, the signature stands around it.
    pub const SIGNED: Self = Self(0x40);

    /// From security control bits 4 and 5, and 0x40 for a signature; `None` where other bits are set.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !0x70 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }

    /// The bits of [`Protection::from_bits`].
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Authentication and encryption alone.
    #[must_use]
    pub const fn ciphering(self) -> Self {
        Self(self.0 & 0x30)
    }

    /// Whether a signature is there.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Whether everything that `floor` demands is there.
    #[must_use]
    pub const fn covers(self, floor: Self) -> bool {
        self.0 & floor.0 == floor.0
    }

    /// Whether an authentication tag is there.
    #[must_use]
    pub const fn is_authenticated(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether the content is enciphered.
    #[must_use]
    pub const fn is_encrypted(self) -> bool {
        self.0 & 0x20 != 0
    }

    /// Whether there is no protection at all.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Protection {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The whole security control octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityControl(pub u8);

impl SecurityControl {
    /// The octet for a suite and a protection, unicast key set, not compressed.
    #[must_use]
    pub const fn new(suite: SecuritySuite, protection: Protection) -> Self {
        Self(suite.id() | protection.ciphering().bits())
    }

    /// The same with the broadcast key set.
    #[must_use]
    pub const fn with_broadcast(self) -> Self {
        Self(self.0 | 0x40)
    }

    /// The suite id as it stands, known or not.
    #[must_use]
    pub const fn suite_id(self) -> u8 {
        self.0 & 0x0F
    }

    /// Authentication and encryption bits.
    #[must_use]
    pub const fn protection(self) -> Protection {
        Protection(self.0 & 0x30)
    }

    /// Whether the broadcast key is used.
    #[must_use]
    pub const fn is_broadcast(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// Whether the content was compressed.
    #[must_use]
    pub const fn is_compressed(self) -> bool {
        self.0 & 0x80 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_of_the_standard() {
        assert_eq!(
            SecurityControl::new(SecuritySuite::Suite0, Protection::BOTH).0,
            0x30
        );
        assert_eq!(
            SecurityControl::new(SecuritySuite::Suite1, Protection::BOTH).0,
            0x31
        );
        assert_eq!(
            SecurityControl::new(SecuritySuite::Suite0, Protection::BOTH)
                .with_broadcast()
                .0,
            0x70
        );
        assert!(SecurityControl(0xB0).is_compressed());
        assert_eq!(Protection::from_bits(0x80), None);
        let signed = Protection::BOTH | Protection::SIGNED;
        assert_eq!(SecurityControl::new(SecuritySuite::Suite1, signed).0, 0x31);
    }

    #[test]
    fn covering_is_by_set_not_by_number() {
        assert!(!Protection::ENCRYPTED.covers(Protection::AUTHENTICATED));
        assert!(Protection::BOTH.covers(Protection::ENCRYPTED));
        assert!(Protection::NONE.covers(Protection::NONE));
    }
}
