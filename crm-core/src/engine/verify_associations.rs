//! The proof that the tables of associations are what the journal says.

use super::{
    Catalog, Crm,
    database::is_finding,
    verify::{Compared, Step, VERIFIED_AT_ONCE, note},
};
use crate::{
    ChangeKind, Result, VerifyReport,
    association::StoredAssociation,
    cell::Cell,
    journal::AssociationBody,
    store::{
        Connection,
        associations::{self as rows, AssociationTable},
        journal,
    },
};

impl Crm {
    /// Compares every association with the journal; `step` hears of each page.
    ///
    /// # Errors
    ///
    /// What `step` answers. What is found is no error but stands in the report.
    pub(super) fn verify_associations(
        &self,
        report: &mut VerifyReport,
        step: &mut Step<'_>,
    ) -> Result<()> {
        self.verify_pages("associations", report, step, |conn, catalog, after, report| {
            if after.is_none() {
                verify_whole(conn, catalog, report)?;
            }
            verify_page(conn, catalog, after, report)
        })
    }
}

/// What can be told of the tables as a whole.
fn verify_whole(conn: &Connection, catalog: &Catalog, report: &mut VerifyReport) -> Result<()> {
    let added = journal::count(conn, ChangeKind::AssociationAdded)?;
    let stored = rows::count(conn)?;
    if !added.contains(&stored) {
        let added = added.end();
        report.problems.push(format!(
            "associations: the table has {stored} associations, the journal added {added}"
        ));
    }
    for table in catalog.iter_associations() {
        let strays = rows::count_stray_values(conn, table)?;
        if strays > 0 {
            let name = table.model.name();
            report.problems.push(format!("{name}: {strays} values belong to no such association"));
        }
    }
    Ok(())
}

/// Compares a page of associations with the journal.
fn verify_page(
    conn: &Connection,
    catalog: &Catalog,
    after: Option<i64>,
    report: &mut VerifyReport,
) -> Result<Compared<i64>> {
    // Places begin at 1.
    let page = rows::page(conn, after.unwrap_or(0), VERIFIED_AT_ONCE)?;
    let compared = Compared::new(page.len(), page.last().map(|row| row.seq));
    for mut row in page {
        report.associations += 1;
        let table = catalog.associations(&row.association_type)?;
        rows::complete(conn, table, &mut row)?;
        let finding = match rebuild_association(conn, table, &row) {
            Ok(rebuilt) if rebuilt.as_ref() == Some(&row) => continue,
            Ok(_) => "the table differs from the journal".to_owned(),
            Err(error) if is_finding(error.kind()) => error.message().to_owned(),
            Err(error) => return Err(error),
        };
        note(report, format!("{} {}: {finding}", row.association_type, row.id));
    }
    Ok(compared)
}

/// The row of an association as its changes make it; `None` if the journal does not add it.
fn rebuild_association(
    conn: &Connection,
    table: &AssociationTable,
    stored: &StoredAssociation,
) -> Result<Option<StoredAssociation>> {
    let mut row: Option<StoredAssociation> = None;
    journal::of_record(conn, stored.id, 0, |change| {
        let at = change.hlc.at();
        if change.is_erased {
            // Nobody can tell any more what it said.
            row = Some(stored.clone());
            return Ok(false);
        }
        let body = AssociationBody::read(&change.body)?;
        let cells = body.cells(&table.model)?;
        if let (ChangeKind::AssociationAdded, Some(from), Some(to)) =
            (change.kind, body.from, body.to)
        {
            row = Some(StoredAssociation {
                seq: change.seq,
                id: stored.id,
                association_type: body.association_type,
                version: 0,
                from,
                to,
                created_at: at,
                updated_at: at,
                archived_at: None,
                cells: vec![Cell::Null; table.model.whole.columns],
            });
        }
        let Some(row) = &mut row else { return Ok(false) };
        row.version += 1;
        row.updated_at = at;
        match change.kind {
            ChangeKind::AssociationArchived => row.archived_at = Some(at),
            ChangeKind::AssociationRestored => row.archived_at = None,
            _ => {}
        }
        for (attribute, cells) in cells {
            row.cells[attribute.span()].clone_from_slice(&cells);
        }
        Ok(true)
    })?;
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::verify::assert_found;
    use crate::{
        AddAssociation, AssociationPreset, Attribute, DefineAssociationType, Flow, Kind, Value,
        values,
    };

    /// A file with a former and a present job and an advice with values.
    fn filled() -> Crm {
        let crm = Crm::in_memory().unwrap();
        crm.association_types().define_preset(AssociationPreset::EmployedBy).unwrap();
        let share = Attribute::new("share", Kind::Integer);
        let advises = DefineAssociationType {
            attributes: vec![share],
            ..DefineAssociationType::new("advises", ["contact"], ["company"])
        };
        crm.association_types().define(advises).unwrap();
        let ann = crm.contacts().create(values! {}).unwrap().reference();
        let acme = crm.companies().create(values! { "name" => "Acme" }).unwrap().reference();
        let add = |name: &str, role: &str, share: Value| {
            let values = if share.is_null() {
                values! {}
            } else {
                values! { "share" => share }
            };
            let add = AddAssociation {
                role: Some(role.into()),
                is_primary: true,
                values,
                ..AddAssociation::new(name, ann.clone(), acme.clone())
            };
            crm.associations().add(add).unwrap().id
        };
        let former = add("employed_by", "CFO", Value::Null);
        add("employed_by", "CEO", Value::Null);
        crm.associations().archive(former, None).unwrap();
        add("advises", "counsel", Value::Integer(5));
        crm
    }

    #[test]
    fn whatever_was_changed_past_the_engine_is_found() {
        let report = filled().verify(&mut |_| Flow::Continue).unwrap();
        assert_eq!((report.problems, report.associations), (Vec::new(), 3));
        let tamperings = [
            "UPDATE crm_association SET role = NULL WHERE role = 'CEO'",
            "UPDATE crm_association SET is_primary = 1 WHERE role = 'CFO'",
            "UPDATE crm_association SET valid_from = 0 WHERE role = 'CEO'",
            "UPDATE crm_association SET valid_to = 0 WHERE role = 'CEO'",
            "UPDATE crm_association SET archived_at = NULL",
            "UPDATE crm_association SET version = version + 1",
            "UPDATE crm_association SET updated_at = 0",
            "UPDATE crm_association SET to_id = from_id, to_type = from_type",
            "UPDATE crm_association SET seq = seq + 1000 WHERE role = 'CEO'",
            "UPDATE crm_association SET type = (SELECT id FROM crm_association_type WHERE name = 'advises')",
            "DELETE FROM crm_association WHERE role = 'CEO'",
            "UPDATE crm_association_advises SET share = 6",
            "DELETE FROM crm_association_advises",
            "INSERT INTO crm_association_advises (seq) SELECT min(seq) FROM crm_association",
        ];
        assert_found(filled, &tamperings);
    }
}
