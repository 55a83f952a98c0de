//! The corpora of the fuzzer, through the same functions, on every compiler and in every test run.

use std::{fs, path::Path};

#[expect(unreachable_pub, reason = "what the fuzzer's own crate shows to its targets")]
#[path = "../../../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_input_of_the_corpora_is_answered_or_refused() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let folders = fs::read_dir(&corpus).unwrap();
    let mut folders: Vec<_> = folders.map(|folder| folder.unwrap().file_name()).collect();
    folders.sort();
    let names: Vec<_> = targets::TARGETS.iter().map(|(name, _)| *name).collect();
    assert_eq!(folders, names, "each target has a corpus, and each corpus a target");
    for (name, target) in targets::TARGETS {
        let mut files: Vec<_> =
            fs::read_dir(corpus.join(name)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert!(files.len() >= 20, "{name} has {} inputs", files.len());
        for file in files {
            // The last line before a panic or a hang says which it was.
            eprintln!("{}", file.display());
            target(&fs::read(&file).unwrap());
        }
    }
}
