//! What several tests need: a folder of their own, numbers from a seed, a type with every kind.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crm_core::{
    Attribute, Crm, DataCategory, DefineType, Durability, Error, Flow, Kind, ListChanges,
    OpenOptions, Processing, Purpose, Replay,
};

/// How often a test repeats itself: `full` times, in a quick run a fifth of that.
pub(crate) fn repetitions(full: u32) -> u32 {
    if std::env::var_os("CRM_QUICK").is_some() { full / 5 } else { full }
}

/// Defines the purpose `care`, for which health is processed.
pub(crate) fn define_care(crm: &Crm) {
    let health = DataCategory { is_special: true, ..DataCategory::new("dpv-pd:Health") };
    let processing = Processing { personal_data: vec![health], ..Processing::default() };
    crm.consents().define_purpose(Purpose::new("care", ["email"]).processing(processing)).unwrap();
}

/// A temporary folder with the file `a.crm` in it, sooner or later.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.at("a.crm")
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    /// Without waiting for the disk: a test that cuts no power need not.
    pub(crate) fn open(&self) -> Crm {
        Crm::open_with(self.path(), relaxed()).unwrap()
    }

    pub(crate) fn refusal(&self, options: OpenOptions) -> Error {
        Crm::open_with(self.path(), options).unwrap_err()
    }

    /// Every file in the folder with its content, by name.
    pub(crate) fn image(&self) -> Vec<(String, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.root())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read(&path).unwrap())
            })
            .collect();
        files.sort();
        files
    }
}

pub(crate) fn relaxed() -> OpenOptions {
    OpenOptions { durability: Durability::Relaxed, ..OpenOptions::default() }
}

pub(crate) fn read_only() -> OpenOptions {
    OpenOptions { read_only: true, ..OpenOptions::default() }
}

/// A clock and ids that repeat, a millisecond per reading.
pub(crate) fn replay() -> OpenOptions {
    let start = "2026-01-01T00:00:00Z".parse().unwrap();
    OpenOptions { replay: Some(Replay { start, step_micros: 1000 }), ..relaxed() }
}

/// How many changes the journal has, having looked that it counts without a gap.
pub(crate) fn journal_length(crm: &Crm) -> i64 {
    let mut after = 0;
    loop {
        let page = crm
            .journal()
            .changes(&ListChanges { limit: 10_000, ..ListChanges::after(after) })
            .unwrap();
        for (change, expected) in page.changes.iter().zip(after + 1..) {
            assert_eq!(change.seq, expected, "the journal has a gap");
        }
        if page.changes.is_empty() {
            return after;
        }
        after = page.next;
    }
}

/// Everything that the engine itself can check of the file.
#[track_caller]
pub(crate) fn assert_sound(crm: &Crm) {
    let report = crm.verify(&mut |_| Flow::Continue).unwrap();
    assert!(report.is_ok, "{:?}", report.problems);
}

/// Numbers that look random and come again with the same seed (splitmix64).
pub(crate) struct Seeded(u64);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// A type with one attribute of every kind, named like the kind, and some with rules.
pub(crate) fn everything() -> DefineType {
    let mut attributes: Vec<Attribute> = Kind::ALL
        .iter()
        .map(|&kind| {
            let attribute = Attribute::new(format!("a_{}", kind.name()), kind);
            match kind {
                Kind::Choice | Kind::Choices => attribute.options(["red", "green", "blue"]),
                Kind::Reference => attribute.target("company"),
                _ => attribute,
            }
        })
        .collect();
    attributes.extend([
        Attribute::new("code", Kind::Text).unique(),
        Attribute { scale: Some(0), ..Attribute::new("whole", Kind::Decimal) },
        Attribute { scale: Some(12), ..Attribute::new("fine", Kind::Decimal) },
        Attribute::new("price", Kind::Money).currency("EUR").indexed(),
        Attribute::new("tags", Kind::Choices).options(["x", "y", "z"]).indexed(),
    ]);
    DefineType { label: "Everything".into(), ..DefineType::new("everything", attributes) }
}
