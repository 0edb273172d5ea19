//! Runs the records of `tests/vectors` against the core. Each kind of record has a runner in [`RUNNERS`] or a reason in
//! [`CHECKED_ELSEWHERE`]; a kind that is in neither fails, so that no record is ever passed over unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dlms_fw_core::apdu::{Apdu, Role};
use dlms_fw_core::codec::{Emit, Parse};
use dlms_fw_core::hdlc::frame::{FLAG, Frame};
use dlms_fw_core::security::{
    Algorithm, AlgorithmIdentifiers, Ciphering, Curve, Derivation, KeyMaterial, PrivateKey,
    Protection, PublicKey, Scheme, SecurityContext, SecuritySuite,
};
use dlms_fw_core::wrapper;
use dlms_fw_core::xdlms::initiate::{InitiateRequest, InitiateResponse};

/// Holds a record against the core; panics where they differ.
type Runner = fn(&Record);

/// Which kind of record is run by what.
const RUNNERS: &[(&str, Runner)] = &[
    ("apdu", plain_apdu),
    ("block-apdu", plain_apdu),
    ("initiate", initiate),
    ("ciphering", ciphering),
    ("hdlc-frame", hdlc_frame),
    ("hls-gmac", hls_gmac),
    ("key-agreement", key_agreement),
    ("signature", signature),
    ("wrapper", wrapper_message),
];

/// Kinds that the core has no part in, and who judges them.
const CHECKED_ELSEWHERE: &[(&str, &str)] = &[
    ("general-block-transfer", "tests/test_vectors.py"),
    ("hls-md5", "tests/test_vectors.py"),
    ("hls-sha1", "tests/test_vectors.py"),
    ("hls-sha256", "tests/test_vectors.py"),
];

#[test]
fn every_record_holds() {
    let records = records();
    assert!(
        records.len() >= 60,
        "only {} records were found",
        records.len()
    );
    for record in &records {
        let kind = record.text("kind");
        if let Some((_, run)) = RUNNERS.iter().find(|(known, _)| *known == kind) {
            run(record);
        } else {
            let known = CHECKED_ELSEWHERE.iter().any(|(known, _)| *known == kind);
            assert!(known, "{record}: nobody runs the kind {kind:?}");
        }
    }
}

#[test]
fn every_record_says_where_it_is_from() {
    let mut names = BTreeSet::new();
    for record in records() {
        assert!(!record.text("source").is_empty(), "{record}");
        assert!(
            ["V", "X", "VX"].contains(&record.text("mark")),
            "{record}: mark"
        );
        assert!(
            names.insert(record.text("name").to_owned()),
            "{record}: a second record of this name"
        );
    }
}

fn plain_apdu(record: &Record) {
    let octets = record.octets("hex");
    let apdu = Apdu::parse_from(record.role(), &octets)
        .unwrap_or_else(|error| panic!("{record}: {error}"));
    let shown = format!("{apdu:?}");
    assert!(
        shown.starts_with(&format!("{}(", record.text("class"))),
        "{record}: {shown}"
    );
    assert_eq!(apdu.to_vec(), octets, "{record}");
    for cut in 0..octets.len() {
        assert!(
            Apdu::parse_from(record.role(), &octets[..cut]).is_err(),
            "{record} cut at {cut}"
        );
    }
}

fn initiate(record: &Record) {
    fn survives<'a, T: Parse<'a> + Emit>(record: &Record, octets: &'a [u8]) {
        let value = T::parse_all(octets).unwrap_or_else(|error| panic!("{record}: {error}"));
        assert_eq!(value.to_vec(), octets, "{record}");
    }
    let octets = record.octets("hex");
    match record.text("class") {
        "InitiateRequest" => survives::<InitiateRequest<'_>>(record, &octets),
        "InitiateResponse" => survives::<InitiateResponse>(record, &octets),
        other => panic!("{record}: {other} is no initiate APDU"),
    }
}

fn key_agreement(record: &Record) {
    let peer = PrivateKey::from_scalar(Curve::P256, &record.octets("peer_private_key"));
    let peer = peer.unwrap_or_else(|error| panic!("{record}: {error}"));
    let public = match record.optional_octets("public_key") {
        Some(octets) => PublicKey::from_octets(Curve::P256, &octets),
        None => PrivateKey::from_scalar(Curve::P256, &record.octets("private_key"))
            .map(|key| key.public()),
    };
    let public = public.unwrap_or_else(|error| panic!("{record}: {error}"));
    let secret = peer.agree(&public).expect("one curve");
    assert_eq!(
        secret.as_slice(),
        record.octets("shared_secret"),
        "{record}"
    );
    let transaction_id = record.optional_octets("transaction_id").unwrap_or_default();
    let derivation = Derivation {
        suite: SecuritySuite::Suite1,
        scheme: match record.text("scheme") {
            "ephemeral-unified" => Scheme::EphemeralUnified,
            "one-pass-diffie-hellman" => Scheme::OnePassDiffieHellman,
            "static-unified" => Scheme::StaticUnified,
            other => panic!("{record}: {other}"),
        },
        algorithm: Algorithm::AesGcm,
        identifiers: if record.text("algorithm_id").starts_with("60857406") {
            AlgorithmIdentifiers::Older
        } else {
            AlgorithmIdentifiers::Current
        },
        originator_system_title: &record.octets("client_system_title"),
        recipient_system_title: &record.octets("server_system_title"),
        transaction_id: &transaction_id,
    };
    let key = derivation.key(&secret).expect("suite 1");
    assert_eq!(key.as_slice(), record.octets("key"), "{record}");
}

fn signature(record: &Record) {
    let key = PrivateKey::from_scalar(Curve::P256, &record.octets("private_key"));
    let public = key.expect("a scalar").public();
    let (signed, signature) = (record.octets("signed"), record.octets("signature"));
    assert_eq!(public.verify(&[&signed], &signature), Ok(()), "{record}");
}

fn ciphering(record: &Record) {
    let (plain, ciphered) = (record.octets("plain"), record.octets("ciphered"));
    let protection = record.protection();
    let sealed = record.context(protection).seal(&plain, protection);
    assert_eq!(sealed.as_deref(), Ok(&ciphered[..]), "{record}");

    let mut receiver = record.receiver(protection);
    let mut octets = ciphered.clone();
    let range = receiver
        .open_in_place(&mut octets)
        .unwrap_or_else(|error| panic!("{record}: {error}"));
    assert_eq!(octets[range], plain, "{record}");
    assert!(
        receiver.open_in_place(&mut ciphered.clone()).is_err(),
        "{record}: taken twice"
    );
}

fn hls_gmac(record: &Record) {
    let challenge = record.octets("challenge");
    let proof = record
        .context(Protection::BOTH)
        .gmac(&challenge)
        .map(Vec::from);
    assert_eq!(proof, Ok(record.octets("proof")), "{record}");
}

fn hdlc_frame(record: &Record) {
    let octets = record.octets("frame");
    let [FLAG, between @ .., FLAG] = &octets[..] else {
        panic!("{record}: a flag is missing")
    };
    let frame = Frame::parse(between).unwrap_or_else(|defect| panic!("{record}: {defect:?}"));
    assert_eq!(frame.to_vec(), octets, "{record}");

    let (client, server) = match record.role() {
        Role::Client => (frame.source, frame.destination),
        Role::Server => (frame.destination, frame.source),
    };
    assert_eq!(
        u32::from(client.upper()),
        record.number("client_sap"),
        "{record}"
    );
    assert_eq!(
        u32::from(server.upper()),
        record.number("server_upper"),
        "{record}"
    );
    let lower = record
        .optional("server_lower")
        .map(|_| record.number("server_lower"));
    assert_eq!(server.lower().map(u32::from), lower, "{record}");
    let information = record.optional_octets("information").unwrap_or_default();
    assert_eq!(frame.information, information, "{record}");
    let shown = format!("{:?}", frame.control.kind).to_uppercase();
    assert_eq!(
        shown.split(' ').next(),
        Some(record.text("control")),
        "{record}"
    );
}

fn wrapper_message(record: &Record) {
    let octets = record.octets("hex");
    let mut deframer = wrapper::Deframer::new(0xFFFF);
    deframer.push(&octets);
    let header = deframer
        .poll()
        .expect("a sound stream")
        .expect("a whole message");
    assert_eq!(
        u32::from(header.source_wport),
        record.number("source_wport"),
        "{record}"
    );
    assert_eq!(
        u32::from(header.destination_wport),
        record.number("destination_wport"),
        "{record}"
    );
    assert_eq!(deframer.message(), record.octets("apdu"), "{record}");

    let mut out = header.to_vec();
    out.extend(record.octets("apdu"));
    assert_eq!(out, octets, "{record}");
}

/// One record: its keys in order of name, and where it stands.
struct Record {
    place: String,
    fields: BTreeMap<String, String>,
}

impl core::fmt::Display for Record {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let name = self.fields.get("name").map_or("?", String::as_str);
        write!(f, "{} ({name})", self.place)
    }
}

impl Record {
    fn optional(&self, key: &str) -> Option<&str> {
        self.fields.get(key).map(String::as_str)
    }

    fn text(&self, key: &str) -> &str {
        self.optional(key)
            .unwrap_or_else(|| panic!("{self}: {key} is missing"))
    }

    fn optional_octets(&self, key: &str) -> Option<Vec<u8>> {
        let text = self.optional(key)?;
        assert!(
            text.len().is_multiple_of(2),
            "{self}: {key} ends in half an octet"
        );
        let octet = |start| u8::from_str_radix(&text[start..start + 2], 16);
        let octets: Result<_, _> = (0..text.len()).step_by(2).map(octet).collect();
        Some(octets.unwrap_or_else(|error| panic!("{self}: {key}: {error}")))
    }

    fn octets(&self, key: &str) -> Vec<u8> {
        self.optional_octets(key)
            .unwrap_or_else(|| panic!("{self}: {key} is missing"))
    }

    fn number(&self, key: &str) -> u32 {
        let text = self.text(key);
        let number = match text.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => text.parse(),
        };
        number.unwrap_or_else(|error| panic!("{self}: {key}: {error}"))
    }

    fn title(&self) -> [u8; 8] {
        self.octets("system_title")
            .try_into()
            .expect("a system title has 8 octets")
    }

    fn role(&self) -> Role {
        match self.text("sender") {
            "client" => Role::Client,
            "server" => Role::Server,
            other => panic!("{self}: {other} is no sender"),
        }
    }

    fn protection(&self) -> Protection {
        u8::try_from(self.number("protection"))
            .ok()
            .and_then(Protection::from_bits)
            .unwrap_or_else(|| panic!("{self}: protection"))
    }

    /// A context of the record's keys, for `title`.
    fn keyed(&self, title: [u8; 8], policy: Protection) -> SecurityContext {
        let unicast = self.optional_octets("global_unicast_encryption_key");
        let broadcast = self.optional_octets("global_broadcast_encryption_key");
        let authentication = self.octets("authentication_key");
        let keys = KeyMaterial {
            global_unicast_encryption_key: unicast.as_deref(),
            global_broadcast_encryption_key: broadcast.as_deref(),
            authentication_key: Some(&authentication),
            ..KeyMaterial::default()
        };
        let suite = u8::try_from(self.number("suite"))
            .ok()
            .and_then(SecuritySuite::from_id);
        let suite = suite.unwrap_or_else(|| panic!("{self}: suite"));
        SecurityContext::new(suite, policy, title, &keys)
            .unwrap_or_else(|error| panic!("{self}: {error}"))
    }

    /// The context of the sender, about to use the record's counter.
    fn context(&self, policy: Protection) -> SecurityContext {
        let mut context = self.keyed(self.title(), policy);
        if self.optional("general") == Some("true") {
            context.set_ciphering(Ciphering::General);
        }
        let counter = self.number("invocation_counter");
        assert!(context.extend(counter, counter + 1), "{self}: the counter");
        context
    }

    /// The context of the one who is to open what the sender sealed.
    fn receiver(&self, policy: Protection) -> SecurityContext {
        let mut context = self.keyed(*b"RECEIVER", policy);
        context
            .set_peer_system_title(Some(self.title()))
            .expect("another title");
        context
    }
}

/// All records of all files, in order of file name.
fn records() -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    files.iter().flat_map(|path| records_of(path)).collect()
}

fn records_of(path: &Path) -> Vec<Record> {
    let file = path.file_name().expect("a file").to_string_lossy();
    let text = std::fs::read_to_string(path).expect("a readable file");
    let mut records = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines().map(str::trim_end)) {
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            open = false;
            continue;
        }
        if !open {
            open = true;
            records.push(Record {
                place: format!("{file}:{number}"),
                fields: BTreeMap::new(),
            });
        }
        let (key, value) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("{file}:{number}: not `key: value`"));
        let record = records.last_mut().expect("a record is open");
        let before = record.fields.insert(key.to_owned(), value.to_owned());
        assert!(before.is_none(), "{file}:{number}: {key} a second time");
    }
    records
}
