//! RFC 6979 and the standard's examples are the referees; the exchange with another implementation is in the Python tests.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

fn key(curve: Curve) -> PrivateKey {
    PrivateKey::from_scalar(curve, &vec![7; curve.field_length()]).expect("a scalar")
}

const CURVES: [Curve; 2] = [Curve::P256, Curve::P384];

/// RFC 6979, A.2.5 and A.2.6, message "sample".
// proves: ecdsa
#[test]
fn s_36_signatures_are_those_of_rfc_6979() {
    let cases = [
        (
            Curve::P256,
            "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
        ),
        (
            Curve::P384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE4699EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
        ),
    ];
    for (curve, scalar, signature) in cases {
        let key = PrivateKey::from_scalar(curve, &hex(scalar)).expect("a scalar");
        assert_eq!(key.sign(&[b"sample"]), Ok(hex(signature)));
        assert_eq!(key.sign(&[b"sam", b"", b"ple"]), Ok(hex(signature)));
        let public = key.public();
        assert_eq!(public.verify(&[b"s", b"ample"], &hex(signature)), Ok(()));
        assert!(public.verify(&[b"Sample"], &hex(signature)).is_err());
    }
}

#[test]
fn s_32_signatures_have_one_form() {
    for curve in CURVES {
        let (private, width) = (key(curve), curve.field_length());
        let public = private.public();
        let good = private.sign(&[b"text"]).expect("signed");
        let order = match curve {
            Curve::P256 => hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
            Curve::P384 => hex(
                "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
            ),
        };
        let zero = vec![0; width];
        let (r, s) = good.split_at(width);
        let der = [
            &[0x30, 4 + 2 * u8::try_from(width).expect("short"), 0x02][..],
            r,
            &[0x02],
            s,
        ]
        .concat();
        let bad = [
            Vec::new(),
            good[1..].to_vec(),
            good[..good.len() - 1].to_vec(),
            [&good[..], &[0]].concat(),
            [&[0], &good[..]].concat(),
            [&zero, s].concat(),
            [r, &zero].concat(),
            [&order, s].concat(),
            [r, &order].concat(),
            vec![0xFF; 2 * width],
            vec![0; 72],
            der,
        ];
        for (number, signature) in bad.iter().enumerate() {
            assert_eq!(
                public.verify(&[b"text"], signature),
                Err(SecurityErrorKind::Signature.into()),
                "{curve:?} case {number}"
            );
        }
        assert_eq!(public.verify(&[b"text"], &good), Ok(()));
    }
}

#[test]
fn s_34_only_points_on_the_curve_are_public_keys() {
    for curve in CURVES {
        let good = key(curve).public().octets();
        assert!(PublicKey::from_octets(curve, &good).is_ok());
        let other = CURVES[usize::from(curve == Curve::P256)];
        let mut off_the_curve = good.clone();
        *off_the_curve.last_mut().expect("not empty") ^= 1;
        let refused = [
            (curve, off_the_curve),
            (curve, vec![0; curve.pair_length()]),
            (curve, vec![0xFF; curve.pair_length()]),
            (curve, [&[0x04], &good[..]].concat()),
            (curve, [&[0x02], &good[..curve.field_length()]].concat()),
            (curve, vec![0]),
            (curve, Vec::new()),
            (other, good),
        ];
        for (curve, octets) in refused {
            assert_eq!(
                PublicKey::from_octets(curve, &octets),
                Err(SecurityErrorKind::PublicKey.into())
            );
        }
    }
}

#[test]
fn private_keys_are_scalars_of_the_curve() {
    for curve in CURVES {
        let width = curve.field_length();
        for octets in [
            vec![0; width],
            vec![0xFF; width],
            vec![7; width - 1],
            vec![7; width + 1],
        ] {
            assert!(PrivateKey::from_scalar(curve, &octets).is_err());
        }
        // The first run is above the order, the second is taken.
        let drawn = [vec![0xFF; width], vec![7; width]].concat();
        let drawn = PrivateKey::from_randomness(curve, &drawn).expect("the second run");
        assert_eq!(drawn.public(), key(curve).public());
        assert!(PrivateKey::from_randomness(curve, &vec![0xFF; 2 * width]).is_err());
    }
    assert!(
        key(Curve::P256)
            .agree(&key(Curve::P384).public())
            .is_err_and(|error| error.kind == SecurityErrorKind::PublicKey)
    );
}
