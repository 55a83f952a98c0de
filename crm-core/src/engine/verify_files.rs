//! The proof that stored bytes are those that were stored.

use super::{
    Crm, files,
    verify::{Compared, Step, note},
};
use crate::{
    ChangeKind, Result, VerifyReport,
    store::{Connection, files as rows, journal},
};

/// Contents that are read in one go.
const READ_AT_ONCE: u32 = 16;

impl Crm {
    /// Reads all stored bytes, and compares them with their hash and with the journal.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_files(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("files", report, step, |conn, _, after, report| {
            if after.is_none() {
                verify_whole(conn, report)?;
            }
            let page = rows::hashes_after(conn, after, READ_AT_ONCE)?;
            for hash in &page {
                if let Some(finding) = differs(conn, hash)? {
                    note(report, format!("file {}: {finding}", files::write_hash(hash)));
                }
            }
            Ok(Compared::of_page(page.len(), page.last().copied(), READ_AT_ONCE))
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, report: &mut VerifyReport) -> Result<()> {
    let (stored, told) = (rows::count(conn)?, journal::count(conn, ChangeKind::FileAdded)?);
    if stored != *told.start() {
        let both = format!("the table has {stored}, the journal has {}", told.start());
        note(report, format!("files: {both}"));
    }
    let strays = rows::count_strays(conn)?;
    if strays > 0 {
        note(report, format!("files: {strays} pieces belong to none"));
    }
    Ok(())
}

fn differs(conn: &Connection, hash: &[u8; 32]) -> Result<Option<&'static str>> {
    let size = rows::size(conn, hash)?;
    if rows::told_size(conn, &files::write_hash(hash))? != size {
        return Ok(Some("its size differs from the journal"));
    }
    let is_whole = match (rows::hash_of_pieces(conn, hash)?, size) {
        (Some((read, length)), Some(size)) => (read, length) == (*hash, size),
        _ => false,
    };
    Ok((!is_whole).then_some("its bytes are not those that were stored"))
}

#[cfg(test)]
mod tests {
    use crate::engine::verify::assert_found;
    use crate::{AddFile, Crm, Flow};

    /// A file with no byte, one with a few, and one of several pieces.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        for content in [String::new(), "hello".to_owned(), "0123456789".repeat(60_000)] {
            crm.files().add(&AddFile::new("a.txt", "text/plain", content)).unwrap();
        }
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
        let last = "WHERE number = 2";
        let tamperings = [
            "UPDATE crm_file SET size = size + 1 WHERE size = 5",
            "UPDATE crm_file_piece SET bytes = x'48656c6c6f' WHERE length(bytes) = 5",
            &format!("UPDATE crm_file_piece SET number = 3 {last}"),
            &format!("DELETE FROM crm_file_piece {last}"),
            &format!(
                "INSERT INTO crm_file_piece SELECT hash, 3, substr(bytes, 7) FROM crm_file_piece \
                 {last}; UPDATE crm_file_piece SET bytes = substr(bytes, 1, 6) {last}"
            ),
            "INSERT INTO crm_file_piece SELECT hash, 1, x'' FROM crm_file WHERE size = 5",
            "DELETE FROM crm_file_piece WHERE length(bytes) = 5; \
             DELETE FROM crm_file WHERE size = 5",
            "INSERT INTO crm_file VALUES (randomblob(32), 0, 0)",
        ];
        assert_found(filled, &tamperings);
    }

    #[test]
    fn many_are_read_page_by_page() {
        let crm = Crm::in_memory().unwrap();
        for number in 0..40 {
            let file = AddFile::new("a.txt", "text/plain", format!("content {number}"));
            crm.files().add(&file).unwrap();
        }
        assert!(crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
        let last = "UPDATE crm_file_piece SET bytes = x'00' \
                    WHERE hash = (SELECT max(hash) FROM crm_file)";
        crm.write(|writing| Ok(writing.tx.execute_batch(last)?)).unwrap();
        assert!(!crm.verify(&mut |_| Flow::Continue).unwrap().is_ok);
    }
}
