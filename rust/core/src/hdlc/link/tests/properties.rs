//! Whatever the line does to frames: every APDU once and in order, or the link ends with a declared error; the window and
//! the information field are kept to (the line itself looks at that).

use super::joined::apdu;
use super::pair::{Faults, Pair};
use crate::error::LinkErrorKind;
use crate::hdlc::link::State;
use crate::hdlc::parameters::Parameters;
use proptest::prelude::*;

fn parameters() -> impl Strategy<Value = Parameters> {
    ((20_u16..300, 20_u16..300), (1_u8..=7, 1_u8..=7)).prop_map(|(lengths, windows)| {
        Parameters::new(lengths.0, lengths.1, windows.0, windows.1).expect("within range")
    })
}

fn faults() -> impl Strategy<Value = Faults> {
    let seldom = || prop_oneof![3 => Just(0_u32), 2 => 1_u32..200];
    (
        (seldom(), seldom(), seldom(), seldom()),
        (seldom(), seldom(), seldom()),
    )
        .prop_map(
            |((lose, double, flip, cut), (noise, reorder, late))| Faults {
                lose,
                double,
                flip,
                cut,
                noise,
                reorder,
                late,
            },
        )
}

/// A link and what its line does. Numbers modulo 8 cannot tell a frame of this round from one of the round before that comes
/// behind later ones, so windows above 3 are for lines that keep frames in order.
fn link() -> impl Strategy<Value = (Parameters, Faults)> {
    (parameters(), faults()).prop_map(|(parameters, faults)| {
        let window = parameters
            .window_size_transmit()
            .max(parameters.window_size_receive());
        let in_order = Faults {
            reorder: 0,
            late: 0,
            ..faults
        };
        (parameters, if window > 3 { in_order } else { faults })
    })
}

/// A UI frame of the client before the request of this number.
fn beside(number: usize) -> Vec<u8> {
    apdu(1000 + number, 1 + number % 17)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    // proves: hdlc-segmentation
    #[test]
    fn l_07_l_08_every_apdu_once_and_in_order_or_a_declared_error(
        (parameters, faults) in link(), seed in any::<u64>(),
        sizes in prop::collection::vec((1_usize..900, 1_usize..900, any::<bool>()), 1..7),
    ) {
        let mut pair = Pair::new(parameters, 12, faults, seed);
        let mut answered = 0;
        let mut answer = |_: &[u8]| {
            answered += 1;
            sizes.get(answered - 1).map(|(_, length, _)| apdu(100 + answered, *length))
        };
        let mut outcome = pair.connect();
        for (number, (length, _, with_ui)) in sizes.iter().enumerate() {
            if outcome.is_err() {
                break;
            }
            let unconfirmed = if *with_ui { beside(number) } else { Vec::new() };
            outcome = pair.ask_after(&unconfirmed, &apdu(number, *length), &mut answer);
        }
        prop_assert!(pair.at_server.len() <= sizes.len());
        for (number, delivered) in pair.at_server.iter().enumerate() {
            prop_assert!(*delivered == apdu(number, sizes[number].0), "request {} is another", number);
        }
        for (number, delivered) in pair.at_client.iter().enumerate() {
            prop_assert!(*delivered == apdu(101 + number, sizes[number].1), "answer {} is another", number);
        }
        // A UI frame may be lost or come twice, but never changed.
        for delivered in &pair.unconfirmed_at_server {
            prop_assert!((0..sizes.len()).any(|number| *delivered == beside(number)));
        }
        match outcome {
            Ok(()) => prop_assert_eq!((pair.at_server.len(), pair.at_client.len()), (sizes.len(), sizes.len())),
            Err(error) => {
                let declared = [LinkErrorKind::RetriesExhausted, LinkErrorKind::SequenceNumber, LinkErrorKind::FrameRejected];
                prop_assert!(declared.contains(&error), "{:?}", error);
                prop_assert_eq!(pair.client.state(), State::Disconnected);
                prop_assert!(faults.lose + faults.flip + faults.cut + faults.noise + faults.reorder + faults.late + faults.double > 0);
            }
        }
        prop_assert!(pair.frames < 20_000, "{} frames", pair.frames);
    }
}
