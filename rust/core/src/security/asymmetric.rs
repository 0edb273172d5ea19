//! Keys on the curves of suites 1 and 2: ECDSA over one exact signature form, and the shared secret of ECDH.
//!
//! A key is checked when it is made, so what holds one may use it. Signatures are `r || s` of fixed width and nothing else;
//! those we make are deterministic (RFC 6979), so no randomness is needed here.

use p256::ecdsa::signature::{MultipartSigner, MultipartVerifier};
use p256::pkcs8::{DecodePrivateKey, ObjectIdentifier, spki::SubjectPublicKeyInfoRef};
use zeroize::Zeroizing;

use crate::error::{SecurityError, SecurityErrorKind};

use super::control::SecuritySuite;

/// id-ecPublicKey.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// secp256r1.
const P256_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// secp384r1.
const P384_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// An elliptic curve of a security suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256, with SHA-256: suite 1.
    P256,
    /// P-384, with SHA-384: suite 2.
    P384,
}

impl Curve {
    /// The curve of a suite; suite 0 has none.
    #[must_use]
    pub const fn of(suite: SecuritySuite) -> Option<Self> {
        match suite {
            SecuritySuite::Suite0 => None,
            SecuritySuite::Suite1 => Some(Self::P256),
            SecuritySuite::Suite2 => Some(Self::P384),
        }
    }

    /// Octets of a scalar and of a coordinate.
    #[must_use]
    pub const fn field_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// Octets of a public key `x || y`, and of a signature `r || s`.
    #[must_use]
    pub const fn pair_length(self) -> usize {
        2 * self.field_length()
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
        }
    }

    /// The curve of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::P256, Self::P384]
            .into_iter()
            .find(|curve| curve.name() == name)
    }
}

/// A private key, wiped when dropped.
#[derive(Clone)]
pub enum PrivateKey {
    /// On P-256.
    P256(Box<p256::ecdsa::SigningKey>),
    /// On P-384.
    P384(Box<p384::ecdsa::SigningKey>),
}

impl PrivateKey {
    /// From the scalar, big-endian and of the curve's width.
    ///
    /// # Errors
    /// `PrivateKey` where the width is another, or the scalar is 0 or not below the order.
    pub fn from_scalar(curve: Curve, scalar: &[u8]) -> Result<Self, SecurityError> {
        if scalar.len() != curve.field_length() {
            return Err(SecurityErrorKind::PrivateKey.into());
        }
        let wrong = |_| SecurityError::from(SecurityErrorKind::PrivateKey);
        Ok(match curve {
            Curve::P256 => Self::P256(Box::new(
                p256::ecdsa::SigningKey::from_slice(scalar).map_err(wrong)?,
            )),
            Curve::P384 => Self::P384(Box::new(
                p384::ecdsa::SigningKey::from_slice(scalar).map_err(wrong)?,
            )),
        })
    }

    /// A new key from random octets: the first run of the curve's width that is a scalar (FIPS 186-5, A.2.2). Two runs are
    /// enough for all practice.
    ///
    /// # Errors
    /// `PrivateKey` where no run is one.
    pub fn from_randomness(curve: Curve, randomness: &[u8]) -> Result<Self, SecurityError> {
        randomness
            .chunks_exact(curve.field_length())
            .find_map(|scalar| Self::from_scalar(curve, scalar).ok())
            .ok_or(SecurityErrorKind::PrivateKey.into())
    }

    /// From a PKCS #8 structure, which names its curve.
    ///
    /// # Errors
    /// `PrivateKey`.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SecurityError> {
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Ok(Self::P256(Box::new(key.into())));
        }
        p384::SecretKey::from_pkcs8_der(der)
            .map(|key| Self::P384(Box::new(key.into())))
            .map_err(|_| SecurityErrorKind::PrivateKey.into())
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
        }
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(*key.verifying_key()),
            Self::P384(key) => PublicKey::P384(*key.verifying_key()),
        }
    }

    /// `r || s` over the parts, one behind the other, with the hash of the curve.
    ///
    /// # Errors
    /// `Signature`, where the arithmetic met a value that has no signature; it is not known to happen.
    pub fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, SecurityError> {
        let none = |_| SecurityError::from(SecurityErrorKind::Signature);
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.try_multipart_sign(parts).map_err(none)?;
                Ok(signature.to_bytes().to_vec())
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature =
                    key.try_multipart_sign(parts).map_err(none)?;
                Ok(signature.to_bytes().to_vec())
            }
        }
    }

    /// The shared secret Z of ECDH: the x coordinate of the product.
    ///
    /// # Errors
    /// `PublicKey` where the other key is on another curve.
    pub fn agree(&self, public: &PublicKey) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let secret = match (self, public) {
            (Self::P256(own), PublicKey::P256(other)) => {
                p256::ecdh::diffie_hellman(own.as_nonzero_scalar(), other.as_affine())
                    .raw_secret_bytes()
                    .to_vec()
            }
            (Self::P384(own), PublicKey::P384(other)) => {
                p384::ecdh::diffie_hellman(own.as_nonzero_scalar(), other.as_affine())
                    .raw_secret_bytes()
                    .to_vec()
            }
            _ => return Err(SecurityErrorKind::PublicKey.into()),
        };
        Ok(Zeroizing::new(secret))
    }
}

/// A public key: a point on its curve, never the point at infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// On P-256.
    P256(p256::ecdsa::VerifyingKey),
    /// On P-384.
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// From `x || y`, which is how DLMS writes public keys.
    ///
    /// # Errors
    /// `PublicKey` where the width is another or the point is not on the curve.
    pub fn from_octets(curve: Curve, octets: &[u8]) -> Result<Self, SecurityError> {
        if octets.len() != curve.pair_length() {
            return Err(SecurityErrorKind::PublicKey.into());
        }
        let wrong = |_| SecurityError::from(SecurityErrorKind::PublicKey);
        let point = [&[0x04], octets].concat();
        Ok(match curve {
            Curve::P256 => {
                Self::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(wrong)?)
            }
            Curve::P384 => {
                Self::P384(p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(wrong)?)
            }
        })
    }

    /// From a `SubjectPublicKeyInfo` structure, which names its curve; the point in it must not be compressed.
    ///
    /// # Errors
    /// `PublicKey`.
    pub fn from_spki(der: &[u8]) -> Result<Self, SecurityError> {
        let wrong = || SecurityError::from(SecurityErrorKind::PublicKey);
        let info = SubjectPublicKeyInfoRef::try_from(der).map_err(|_| wrong())?;
        let (algorithm, parameters) = info.algorithm.oids().map_err(|_| wrong())?;
        let curve = match parameters {
            Some(P256_OID) => Curve::P256,
            Some(P384_OID) => Curve::P384,
            _ => return Err(wrong()),
        };
        let point = info.subject_public_key.as_bytes().ok_or_else(wrong)?;
        match point.split_first() {
            Some((0x04, octets)) if algorithm == EC_PUBLIC_KEY => Self::from_octets(curve, octets),
            _ => Err(wrong()),
        }
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> Curve {
        match self {
            Self::P256(_) => Curve::P256,
            Self::P384(_) => Curve::P384,
        }
    }

    /// `x || y`.
    #[must_use]
    pub fn octets(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => key.to_sec1_point(false).as_bytes()[1..].to_vec(),
            Self::P384(key) => key.to_sec1_point(false).as_bytes()[1..].to_vec(),
        }
    }

    /// Verifies `r || s` over the parts, one behind the other. A high `s` is accepted: it is plain ECDSA, and no
    /// signature is used as an identity anywhere.
    ///
    /// # Errors
    /// `Signature`: of another length, `r` or `s` 0 or not below the order, or not made by this key over these octets.
    pub fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        let wrong = |_| SecurityError::from(SecurityErrorKind::Signature);
        match self {
            Self::P256(key) => {
                let signature = p256::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                key.multipart_verify(parts, &signature).map_err(wrong)
            }
            Self::P384(key) => {
                let signature = p384::ecdsa::Signature::from_slice(signature).map_err(wrong)?;
                key.multipart_verify(parts, &signature).map_err(wrong)
            }
        }
    }
}

#[cfg(test)]
#[path = "asymmetric_tests.rs"]
mod tests;
