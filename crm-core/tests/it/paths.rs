//! Paths that lead to no file: wherever one is given, the error names the field and says what to do,
//! and nothing is made at its place or beside it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crm_core::{
    BackupTo, ColumnMapping, Crm, Error, ErrorKind, ExportCsv, Flow, ImportCsv, ImportVcard,
    PlanImport, Result, values,
};

use crate::support::{Folder, read_only};

fn refusal<T>(result: Result<T>) -> Error {
    result.err().expect("a refusal")
}

/// Opens a path for writing and for reading, which is refused with this kind, as that of no file here.
#[track_caller]
fn assert_not_opened(path: &Path, kind: ErrorKind) -> Error {
    let error = refusal(Crm::open(path));
    for error in [&error, &refusal(Crm::open_with(path, read_only()))] {
        assert_eq!((error.kind(), error.field()), (kind, Some("path")), "{error}");
        assert!(error.hint().is_some(), "{error}");
    }
    error
}

/// Everything in a folder and its folders.
fn names(folder: &Path) -> Vec<PathBuf> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let folders = names.iter().filter(|path| path.is_dir() && !path.is_symlink());
    let within: Vec<_> = folders.flat_map(|folder| self::names(folder)).collect();
    names.extend(within);
    names.sort();
    names
}

/// A path of so many bytes in a folder that is there.
fn of_length(root: &Path, bytes: usize) -> PathBuf {
    let mut folder = root.to_owned();
    while folder.as_os_str().len() + 100 < bytes {
        folder.push("f".repeat(50));
    }
    fs::create_dir_all(&folder).unwrap();
    folder.join("n".repeat(bytes - folder.as_os_str().len() - 1))
}

#[test]
fn what_is_no_file_is_not_opened() {
    let folder = Folder::new();
    fs::create_dir(folder.at("folder")).unwrap();
    fs::write(folder.at("file"), "hello").unwrap();
    let before = names(folder.root());
    let error = assert_not_opened(&folder.at("folder"), ErrorKind::NotOurFile);
    assert_eq!(error.message(), "the path is that of a folder");
    let ends = ["new/", "new/.", "new/./", "new//", "folder/", "file/"];
    for end in ends {
        let error = assert_not_opened(&folder.at(end), ErrorKind::InvalidArgument);
        assert_eq!(error.message(), "the path ends as that of a folder does", "{end}");
    }
    assert_not_opened(&folder.at("a\0b"), ErrorKind::InvalidArgument);
    assert_not_opened(&folder.at("file/a.crm"), ErrorKind::Io);
    assert_not_opened(&folder.at("nowhere/a.crm"), ErrorKind::Io);
    assert_eq!(names(folder.root()), before);
}

#[test]
fn what_keeps_a_file_from_being_opened_names_the_path_and_what_to_do() {
    let folder = Folder::new();
    let header = |mark: &[u8; 4], version: i32| {
        let mut bytes = vec![0; 4096];
        bytes[..16].copy_from_slice(b"SQLite format 3\0");
        bytes[60..64].copy_from_slice(&version.to_be_bytes());
        bytes[68..72].copy_from_slice(mark);
        bytes
    };
    for (bytes, kind) in [
        (b"Dear Ann, this is a letter".to_vec(), ErrorKind::NotOurFile),
        (header(b"GPKG", 1), ErrorKind::NotOurFile),
        (header(b"CRM1", i32::MAX), ErrorKind::TooNew),
        (header(b"CRM1", -1), ErrorKind::Corrupt),
        (header(b"CRM1", 1)[..60].to_vec(), ErrorKind::Corrupt),
    ] {
        fs::write(folder.path(), bytes).unwrap();
        assert_not_opened(&folder.path(), kind);
    }

    fs::remove_file(folder.path()).unwrap();
    let crm = folder.open();
    assert_not_opened(&folder.path(), ErrorKind::InUse);
    crm.close().unwrap();

    // Of nothing a file is made, and to read there is none yet.
    fs::write(folder.at("empty"), "").unwrap();
    let error = refusal(Crm::open_with(folder.at("empty"), read_only()));
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotOurFile, Some("path")));
    let error = refusal(Crm::open_with(folder.at("none"), read_only()));
    assert_eq!((error.kind(), error.field()), (ErrorKind::Io, Some("path")));

    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions).unwrap();
    let error = refusal(Crm::open(folder.path()));
    assert_eq!((error.kind(), error.field()), (ErrorKind::ReadOnly, Some("path")));
    assert!(error.hint().is_some());
}

#[cfg(unix)]
#[test]
fn a_link_is_not_opened_and_its_own_path_is_asked_for() {
    let folder = Folder::new();
    let target = folder.at("file");
    fs::write(&target, "hello").unwrap();
    for (name, target) in [("link", target), ("dangling", folder.at("away"))] {
        std::os::unix::fs::symlink(target, folder.at(name)).unwrap();
        let error = assert_not_opened(&folder.at(name), ErrorKind::NotOurFile);
        assert_eq!(error.hint(), Some("give the path of the file itself"));
    }
    assert_not_opened(Path::new("/dev/null"), ErrorKind::NotOurFile);
}

#[test]
fn a_lock_that_cannot_be_laid_is_told() {
    let folder = Folder::new();
    fs::create_dir(folder.at("a.crm.lock")).unwrap();
    let error = refusal(Crm::open(folder.path()));
    assert_eq!((error.kind(), error.field()), (ErrorKind::Io, Some("path")));
    assert!(error.hint().unwrap().contains(".lock"), "{error}");
    assert!(!folder.path().exists());
}

/// SQLite lays files beside it whose names are longer, and takes no path of any length.
#[cfg(unix)]
#[test]
fn a_path_that_is_too_long_is_told_before_anything_is_made() {
    let folder = Folder::new();
    for bytes in [248, 250, 255, 256, 5_000] {
        assert_not_opened(&folder.at(&"n".repeat(bytes)), ErrorKind::InvalidArgument);
    }
    let deep = ["f".repeat(50).as_str(); 100].join("/");
    let deep = refusal(Crm::open(folder.at(&deep).join("a.crm")));
    assert_eq!(deep.field(), Some("path"));
    assert!(names(folder.root()).is_empty());

    let longest = of_length(folder.root(), 504);
    for bytes in [505, 520] {
        assert_not_opened(&of_length(folder.root(), bytes), ErrorKind::InvalidArgument);
    }
    for path in [longest.clone(), folder.at(&"n".repeat(247))] {
        let crm = Crm::open(&path).unwrap();
        crm.companies().create(values! { "name" => "Acme" }).unwrap();
        crm.close().unwrap();
        Crm::open_with(&path, read_only()).unwrap().close().unwrap();
    }

    // A copy has a longer name before it is whole.
    let crm = Crm::in_memory().unwrap();
    for path in [longest.with_extension("2"), folder.at(&"n".repeat(246))] {
        let copy = BackupTo { path: path.to_str().unwrap().into() };
        let error = refusal(crm.backup_to(&copy, &mut |_| Flow::Continue));
        let found = (error.kind(), error.field(), error.message());
        let told = (ErrorKind::InvalidArgument, Some("path"), "the path is too long");
        assert_eq!(found, told, "{}", error.hint().unwrap());
        assert!(!path.exists());
    }
}

#[test]
fn a_table_that_is_not_there_is_told_by_every_import() {
    let folder = Folder::new();
    fs::write(folder.at("file"), "name\nAcme\n").unwrap();
    let crm = Crm::in_memory().unwrap();
    let columns = || [ColumnMapping::new("name", "name")];
    let long = "n".repeat(5_000);
    for name in ["none", "", "file/", "file/none", "nowhere/none", "a\0b", long.as_str()] {
        let path = folder.at(name);
        let path = if name.is_empty() { "" } else { path.to_str().unwrap() };
        let watch = &mut |_| Flow::Continue;
        let errors = [
            refusal(crm.import_csv(&ImportCsv::from_path("company", path, columns()), watch)),
            refusal(crm.import_vcard(&ImportVcard::from_path("contact", path), watch)),
            refusal(crm.imports().plan(&PlanImport::from_path("company", path, columns()), watch)),
        ];
        for error in errors {
            let found = (error.kind(), error.field(), error.hint());
            let hint = Some("give the path of a file that is there");
            assert_eq!(found, (ErrorKind::InvalidArgument, Some("path"), hint), "{name}");
        }
    }
}

#[test]
fn a_table_is_not_written_to_the_path_of_a_folder() {
    let folder = Folder::new();
    let crm = Crm::in_memory().unwrap();
    for name in ["new/", "new/.", "a\0b"] {
        let path = Some(folder.at(name).to_str().unwrap().to_owned());
        let export = ExportCsv { path, ..ExportCsv::new("company") };
        let error = refusal(crm.export_csv(&export, &mut |_| Flow::Continue));
        let found = (error.kind(), error.field());
        assert_eq!(found, (ErrorKind::InvalidArgument, Some("path")), "{name:?}");
        assert!(error.hint().is_some());
    }
    assert!(names(folder.root()).is_empty());
}
