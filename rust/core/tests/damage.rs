//! Whatever octets come, every decoder gives a value or a declared error, and asks for memory only in proportion to them.
//!
//! Inputs: all of up to two octets; all of three, a sample here and the whole under `--ignored`; every truncation and every flip of one
//! bit of every sample message. The decoders are a table, and a type that learns to parse and is not in it fails a test.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use dlms_fw_core::acse::aare::AssociationResponse;
use dlms_fw_core::acse::aarq::AssociationRequest;
use dlms_fw_core::acse::release::{ReleaseRequest, ReleaseResponse};
use dlms_fw_core::annotate::{Subject, annotate};
use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::axdr::{self, Options, RawData};
use dlms_fw_core::channel::{Channel, ChannelError, Framing};
use dlms_fw_core::codec::{Emit, Parse, Reader};
use dlms_fw_core::gateway;
use dlms_fw_core::hdlc;
use dlms_fw_core::image::ImageBlock;
use dlms_fw_core::security::{KeyMaterial, Protection, SecurityContext, SecuritySuite};
use dlms_fw_core::wrapper;
use dlms_fw_core::xdlms::access::{
    AccessRequest, AccessResponse, AccessResult, AccessSpecification,
};
use dlms_fw_core::xdlms::action::{ActionOutcome, ActionRequest, ActionResponse};
use dlms_fw_core::xdlms::conformance::Conformance;
use dlms_fw_core::xdlms::datablock::DataBlock;
use dlms_fw_core::xdlms::descriptor::{
    AttributeDescriptor, AttributeSelection, MethodDescriptor, SelectiveAccess,
};
use dlms_fw_core::xdlms::exception::{ConfirmedServiceError, ExceptionResponse};
use dlms_fw_core::xdlms::general_block::GeneralBlock;
use dlms_fw_core::xdlms::get::{GetDataBlock, GetRequest, GetResponse};
use dlms_fw_core::xdlms::initiate::{InitiateRequest, InitiateResponse};
use dlms_fw_core::xdlms::notification::{
    DataNotification, DataNotificationConfirm, EventNotification,
};
use dlms_fw_core::xdlms::result::{DataAccessResult, GetDataResult};
use dlms_fw_core::xdlms::sequence_of::SequenceOf;
use dlms_fw_core::xdlms::set::{SetRequest, SetResponse};
use dlms_fw_core::xdlms::short_name::ShortNameBlock;
use dlms_fw_core::xdlms::short_name::access::VariableAccess;
use dlms_fw_core::xdlms::short_name::read::{ReadRequest, ReadResponse, ReadResult};
use dlms_fw_core::xdlms::short_name::report::InformationReport;
use dlms_fw_core::xdlms::short_name::write::{
    UnconfirmedWriteRequest, WriteRequest, WriteResponse, WriteResult,
};

#[path = "damage/general.rs"]
mod general;

/// Decodes; what it gives is looked at, so that nothing is left out.
type Decoder = fn(&[u8]);

/// Reads a value, which is emitted and read again the same.
fn value<'a, T: Parse<'a> + Emit + PartialEq + core::fmt::Debug>(octets: &'a [u8]) -> bool {
    match T::parse_all(octets) {
        Ok(value) => {
            assert_eq!(value.to_vec().len(), value.emitted_len());
            true
        }
        Err(error) => {
            assert!(error.offset <= octets.len(), "{error}");
            false
        }
    }
}

macro_rules! decoders {
    ($($name:literal: $type:ty,)+; $($other:literal: $decode:expr,)+) => {
        /// Every decoder, by the name of what it decodes.
        const DECODERS: &[(&str, Decoder)] = &[
            $(($name, |octets| { let _ = value::<$type>(octets); }),)+
            $(($other, $decode),)+
        ];
    };
}

decoders! {
    "AccessRequest": AccessRequest<'_>,
    "AccessResponse": AccessResponse<'_>,
    "AccessResult": AccessResult,
    "AccessSpecification": AccessSpecification<'_>,
    "ActionOutcome": ActionOutcome<'_>,
    "ActionRequest": ActionRequest<'_>,
    "ActionResponse": ActionResponse<'_>,
    "Address": hdlc::address::Address,
    "Apdu": Apdu<'_>,
    "AssociationRequest": AssociationRequest<'_>,
    "AssociationResponse": AssociationResponse<'_>,
    "AttributeDescriptor": AttributeDescriptor,
    "AttributeSelection": AttributeSelection<'_>,
    "ConfirmedServiceError": ConfirmedServiceError,
    "Conformance": Conformance,
    "DataAccessResult": DataAccessResult,
    "DataBlock": DataBlock<'_>,
    "DataNotification": DataNotification<'_>,
    "DataNotificationConfirm": DataNotificationConfirm,
    "Date": axdr::Date,
    "DateTime": axdr::DateTime,
    "EventNotification": EventNotification<'_>,
    "ExceptionResponse": ExceptionResponse,
    "GeneralBlock": GeneralBlock<'_>,
    "GetDataBlock": GetDataBlock<'_>,
    "GetDataResult": GetDataResult<'_>,
    "GetRequest": GetRequest<'_>,
    "GetResponse": GetResponse<'_>,
    "Header": wrapper::Header,
    "ImageBlock": ImageBlock<'_>,
    "InformationReport": InformationReport<'_>,
    "InitiateRequest": InitiateRequest<'_>,
    "InitiateResponse": InitiateResponse,
    "MethodDescriptor": MethodDescriptor,
    "Parameters": hdlc::parameters::Parameters,
    "Prefix": gateway::Prefix<'_>,
    "RawData": RawData<'_>,
    "ReadRequest": ReadRequest<'_>,
    "ReadResponse": ReadResponse<'_>,
    "ReadResult": ReadResult<'_>,
    "ReleaseRequest": ReleaseRequest<'_>,
    "ReleaseResponse": ReleaseResponse<'_>,
    "SelectiveAccess": SelectiveAccess<'_>,
    "SequenceOf": SequenceOf<RawData<'_>>,
    "SetRequest": SetRequest<'_>,
    "SetResponse": SetResponse,
    "ShortNameBlock": ShortNameBlock<'_>,
    "Time": axdr::Time,
    "UnconfirmedWriteRequest": UnconfirmedWriteRequest<'_>,
    "VariableAccess": VariableAccess<'_>,
    "Write": WriteRequest<'_>,
    "WriteResponse": WriteResponse,
    "WriteResult": WriteResult,
    ;
    "data, strict": |octets| {
        let mut reader = Reader::new(octets);
        let _ = RawData::read(&mut reader, Options::STRICT);
    },
    "APDU of a client": |octets| { let _ = Apdu::parse_from(Role::Client, octets); },
    "APDU of a server": |octets| { let _ = Apdu::parse_from(Role::Server, octets); },
    "annotated, whatever it is": |octets| { let _ = annotate(octets, Subject::Any); },
    "annotated as data": |octets| { let _ = annotate(octets, Subject::Data); },
    "annotated as outcomes": |octets| { let _ = annotate(octets, Subject::Outcomes); },
    "HDLC frame": |octets| { let _ = hdlc::frame::Frame::parse(octets); },
    "HDLC stream": |octets| {
        let mut deframer = hdlc::deframer::Deframer::new();
        deframer.push(octets);
        for _ in 0..=octets.len() {
            if deframer.next_frame().is_none() {
                return;
            }
        }
        panic!("more frames than octets");
    },
    "wrapper stream": |octets| {
        let mut deframer = wrapper::Deframer::new(0xFFFF);
        deframer.push(octets);
        for _ in 0..=octets.len() {
            if !matches!(deframer.poll(), Ok(Some(_))) {
                return;
            }
            let _ = deframer.message();
        }
        panic!("more messages than octets");
    },
    "ciphered APDU": |octets| {
        let mut octets = octets.to_vec();
        let _ = security().open_in_place(&mut octets);
    },
    "APDU signed, or under an agreed key": |octets| {
        let mut octets = octets.to_vec();
        let _ = general::security().open_in_place(&mut octets);
    },
    "channel of a client": |octets| channel(Role::Client, octets),
    "channel of a server": |octets| channel(Role::Server, octets),
    "channel of a client, ciphered": |octets| ciphered(Role::Client, octets),
    "channel of a server, ciphered": |octets| ciphered(Role::Server, octets),
    "channel of a server, with asymmetric keys": |octets| {
        receive(Role::Server, octets, Some(&mut general::security()));
    },
}

/// What these decode is decoded by others on the way to them.
const READ_BY_OTHERS: &[(&str, &str)] = &[
    (
        "OptionalDateTime",
        "private; the notifications are made of it",
    ),
    ("$name", "a macro's; its types are named"),
];

fn security() -> SecurityContext {
    let keys = KeyMaterial {
        global_unicast_encryption_key: Some(&[1; 16]),
        authentication_key: Some(&[2; 16]),
        ..KeyMaterial::default()
    };
    let suite = SecuritySuite::Suite0;
    let mut context =
        SecurityContext::new(suite, Protection::BOTH, *b"OURTITLE", &keys).expect("keys");
    context
        .set_peer_system_title(Some(*b"THEIRTIT"))
        .expect("another title");
    context
}

fn channel(role: Role, apdu: &[u8]) {
    receive(role, apdu, None);
}

fn ciphered(role: Role, apdu: &[u8]) {
    receive(role, apdu, Some(&mut security()));
}

/// Gives an APDU to a channel, framed as a wrapper has it.
fn receive(role: Role, apdu: &[u8], security: Option<&mut SecurityContext>) {
    let mut channel = Channel::new(role, Framing::wrapper(role, 16, 1, 0xFFFF), 0xFFFF);
    let mut out = Vec::new();
    let _ = channel.connect(&mut out);
    let length = u16::try_from(apdu.len()).expect("a short APDU");
    let ports = match role {
        Role::Client => [0, 1, 0, 1, 0, 16],
        Role::Server => [0, 1, 0, 16, 0, 1],
    };
    let mut octets = ports.to_vec();
    octets.extend(length.to_be_bytes());
    octets.extend(apdu);
    let _ = channel.receive::<ChannelError>(&octets, security, &mut out, &mut |_| Ok(()));
}

/// Runs one decoder on one input, and holds what it asked for against what came.
fn run(name: &str, decode: Decoder, octets: &[u8]) {
    let start = LIVE.get();
    PEAK.set(start);
    decode(octets);
    let most = (16 << 10) + 512 * octets.len();
    let asked = PEAK.get().saturating_sub(start);
    assert!(
        asked <= most,
        "{name}: {asked} octets of memory for {octets:02X?}"
    );
}

#[test]
fn a_type_that_can_be_parsed_is_in_the_table() {
    let mut missing = BTreeSet::new();
    for file in sources() {
        let text = std::fs::read_to_string(&file).expect("a source");
        let library = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in library.match_indices(" Parse<'") {
            let Some((_, rest)) = library[at..].split_once("> for ") else {
                continue;
            };
            if library[at..].find("> for ") > Some(12) {
                continue;
            }
            let name: String = rest
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '$')
                .collect();
            let known = DECODERS.iter().any(|(decoder, _)| *decoder == name)
                || READ_BY_OTHERS.iter().any(|(other, _)| *other == name);
            if !known {
                missing.insert(name);
            }
        }
    }
    assert!(missing.is_empty(), "not in DECODERS: {missing:?}");
}

// proves: decoders-any-octets
#[test]
fn all_inputs_of_up_to_two_octets() {
    for (name, decode) in DECODERS {
        run(name, *decode, &[]);
        for first in 0..=u8::MAX {
            run(name, *decode, &[first]);
            for second in 0..=u8::MAX {
                run(name, *decode, &[first, second]);
            }
        }
    }
}

/// The second octets of a sample: those that leave this rest when divided, another one every day.
const PARTS: u64 = 64;

/// Another number below `parts` every day, or by the seed.
fn part_of_the_day(parts: u64) -> u64 {
    let seed = std::env::var("DLMS_FW_SEED").ok();
    let part = seed.and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs() / 86_400)
    }) % parts;
    println!("DLMS_FW_SEED={part}");
    part
}

#[test]
fn inputs_of_three_octets_of_the_day() {
    let part = part_of_the_day(PARTS);
    three_octets(|second| u64::from(second) % PARTS == part);
}

/// Bits of a signed or agreed message that are flipped: each costs arithmetic on the curve.
const SHARE: u64 = 32;

// proves: general-protection-damage
#[test]
fn no_damaged_message_is_opened_with_asymmetric_keys_some_bits_of_the_day() {
    let part = part_of_the_day(SHARE);
    damage_general(|bit| bit as u64 % SHARE == part);
}

#[test]
#[ignore = "every bit; seconds only when optimised"]
fn no_damaged_message_is_opened_with_asymmetric_keys() {
    damage_general(|_| true);
}

fn damage_general(wanted: impl Fn(usize) -> bool) {
    for message in general::messages() {
        let name = message.name;
        let opened = |octets: &[u8]| general::opened(octets, message.protection);
        let whole = opened(&message.octets);
        assert_eq!(whole.as_deref(), Some(general::plain()), "{name}, whole");
        for cut in 0..message.octets.len() {
            assert_eq!(opened(&message.octets[..cut]), None, "{name}, cut at {cut}");
        }
        let mut flipped = message.octets;
        for bit in (0..8 * flipped.len()).filter(|bit| wanted(*bit)) {
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(opened(&flipped), None, "{name}, bit {bit}");
            flipped[bit / 8] ^= 0x80 >> (bit % 8);
        }
    }
}

#[test]
#[ignore = "all 16.8 million; minutes, and in seconds only when optimised"]
fn all_inputs_of_three_octets() {
    three_octets(|_| true);
}

fn three_octets(wanted: impl Fn(u8) -> bool) {
    for (name, decode) in DECODERS {
        for first in 0..=u8::MAX {
            for second in (0..=u8::MAX).filter(|second| wanted(*second)) {
                for third in 0..=u8::MAX {
                    run(name, *decode, &[first, second, third]);
                }
            }
        }
    }
}

// proves: decoders-damage
#[test]
fn every_truncation_and_every_flipped_bit_of_every_sample() {
    let samples = samples();
    assert!(samples.len() > 200, "only {} samples", samples.len());
    for sample in samples {
        for (name, decode) in DECODERS {
            for cut in 0..=sample.len() {
                run(name, *decode, &sample[..cut]);
            }
            let mut flipped = sample.clone();
            for bit in 0..8 * sample.len() {
                flipped[bit / 8] ^= 0x80 >> (bit % 8);
                run(name, *decode, &flipped);
                flipped[bit / 8] ^= 0x80 >> (bit % 8);
            }
        }
    }
}

/// Every message of the vectors and of the samples in the sources: whatever is written in hexadecimal and has at least three octets.
fn samples() -> BTreeSet<Vec<u8>> {
    const LONGEST: usize = 300;
    let vectors = root().join("tests/vectors");
    let mut samples = BTreeSet::new();
    for entry in std::fs::read_dir(vectors).expect("the vectors") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a text");
        let values = text.lines().filter_map(|line| line.split_once(": "));
        samples.extend(values.filter_map(|(_, value)| hex(value)));
    }
    for file in sources() {
        let text = std::fs::read_to_string(&file).expect("a source");
        samples.extend(text.split('"').filter_map(hex));
    }
    samples.retain(|sample| (3..=LONGEST).contains(&sample.len()));
    samples
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|octet| !octet.is_ascii_whitespace() && *octet != b'\\')
        .map(|octet| {
            char::from(octet)
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        })
        .collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty()
        .then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join("rust/core/src"), &mut found);
    found
}

// --- How much memory a decoder asks for ----------------------------------------------------------------------

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LIVE.try_with(|live| {
            live.set(live.get().saturating_add(layout.size()));
            let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
        });
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = LIVE.try_with(|live| live.set(live.get().saturating_sub(layout.size())));
        // SAFETY: the pointer came from `alloc` above with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}
