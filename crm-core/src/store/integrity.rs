//! Whether the file is sound: its pages, its indexes, its references.
//!
//! It reports and repairs nothing. The invariant: a finding names tables, indexes and row numbers,
//! never what a row holds.

use rusqlite::Connection;

use crate::{ErrorKind, Result};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Pages and rows, in the time of one read of the file.
    Quick,
    /// Also that every index says what its table says.
    Full,
}

/// Looks for at most `findings_max` findings of each sort; none means that the file is sound.
///
/// # Errors
///
/// Those of reading, except damage, which is a finding.
pub(super) fn check(
    connection: &Connection,
    depth: Depth,
    findings_max: u32,
) -> Result<Vec<String>> {
    let pragma = match depth {
        Depth::Quick => "quick_check",
        Depth::Full => "integrity_check",
    };
    let mut findings = Vec::new();
    let looked = super::begin_reading(connection)
        .and_then(|()| match depth {
            Depth::Quick => Ok(()),
            Depth::Full => look_again(connection),
        })
        .and_then(|()| pages(connection, (pragma, depth), findings_max, &mut findings))
        .and_then(|()| references(connection, findings_max, &mut findings));
    match looked {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            findings.push(error.message().to_owned());
        }
        // An index of words believes any size that stands in it.
        Err(error) if error.kind() == ErrorKind::LimitExceeded => {
            findings.push("an index asks for more memory than there is".to_owned());
        }
        other => other?,
    }
    Ok(findings)
}

/// Has the index of words read anew how it is laid out. A connection remembers that from one look to
/// the next, asks whether it still holds when a table is opened, and not when it is checked.
fn look_again(connection: &Connection) -> Result<()> {
    let sql = "SELECT count(*) FROM (SELECT rowid FROM crm_search LIMIT 1)";
    Ok(connection.query_row(sql, [], |_| Ok(()))?)
}

/// Has SQLite check all tables. What an index says of a damaged row may not be calculated at all, which
/// ends the whole: then each table is checked by itself, so that the others are checked as well.
fn pages(
    connection: &Connection,
    (pragma, depth): (&str, Depth),
    findings_max: u32,
    findings: &mut Vec<String>,
) -> Result<()> {
    match pragma_findings(connection, pragma, findings_max, findings) {
        Err(error) if error.kind() == ErrorKind::Corrupt && depth == Depth::Full => {
            findings.clear();
        }
        checked => return checked,
    }
    for table in super::privacy::tables(connection)? {
        match pragma_findings(connection, pragma, &table, findings) {
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                findings.push(format!("table {table}: {}", error.message()));
            }
            checked => checked?,
        }
    }
    findings.truncate(findings_max as usize);
    Ok(())
}

fn pragma_findings(
    connection: &Connection,
    pragma: &str,
    of: impl rusqlite::ToSql,
    findings: &mut Vec<String>,
) -> Result<()> {
    connection.pragma(None, pragma, of, |row| {
        let finding: String = row.get(0)?;
        if finding != "ok" {
            findings.push(finding);
        }
        Ok(())
    })?;
    Ok(())
}

fn references(
    connection: &Connection,
    findings_max: u32,
    findings: &mut Vec<String>,
) -> Result<()> {
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    for _ in 0..findings_max {
        let Some(row) = rows.next()? else { break };
        let table: String = row.get(0)?;
        let parent: String = row.get(2)?;
        findings.push(match row.get::<_, Option<i64>>(1)? {
            Some(row) => format!("row {row} of {table} refers to a missing row of {parent}"),
            None => format!("a row of {table} refers to a missing row of {parent}"),
        });
    }
    Ok(())
}
