//! The flywheel of a lifecycle: who arrived, which of them existing customers brought or were, and
//! where the way rubs. One walk over the stays tells who arrived; only for them relations are looked
//! at.

use std::collections::HashMap;

use super::{super::Catalog, Lifecycles, check_stretch, rows};
use crate::{
    Error, ErrorKind, Flywheel, GetFlywheel, RecordId, RelatedStage, Result, StageKind,
    cell::Cell,
    condition::{Column, Moment, RECORD_COLUMNS, Way},
    lifecycle::{Arrival, FlywheelFold, On, part, related_stage},
    store::{Connection, facts, records, table::Table},
};

/// Ways of one sort that are looked at.
const WAYS: usize = 16;
/// Records of one record's relations that are looked at.
const RELATED: usize = 1000;

impl Lifecycles<'_> {
    /// Says what part of the new customers came by existing ones: because one of these brought them,
    /// or because they had been customers before. And where the way rubs: how long stays last, how
    /// many end as lost or are put back, and how many automatic moves are not made. And how many of the
    /// customers who were lost came back.
    ///
    /// ```
    /// use crm_core::{Crm, GetFlywheel, LifecyclePreset, MoveStage, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// crm.lifecycles().define_preset(LifecyclePreset::Contact)?;
    /// let ann = crm.contacts().create(values! { "given_name" => "Ann" })?.id;
    /// for stage in ["customer", "churned", "customer"] {
    ///     crm.lifecycles().move_to(MoveStage::new("contact", ann, stage).because("moved away"))?;
    /// }
    /// let flywheel = crm.lifecycles().flywheel(&GetFlywheel::new("contact"))?;
    /// assert_eq!((flywheel.customers, flywheel.share), (2, Some(0.5)), "she came back");
    /// assert_eq!(flywheel.win_back.rate, Some(1.0));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such lifecycle, with field `lifecycle` or that of the way;
    /// `UnknownOption` if there is no such stage; `InvalidArgument` if it is lost or beside the way, or
    /// `until` lies before `from`; `Required` with field `stage` if the lifecycle has none that is
    /// won; as [`Lifecycles::define`] for ways, with the path as field, such as
    /// `referral[0].related`; `LimitExceeded` past 16 ways of one sort, or if a record has more
    /// than 1,000 relations of one way.
    pub fn flywheel(&self, request: &GetFlywheel) -> Result<Flywheel> {
        check_stretch(request.from, request.until)?;
        self.crm.read_explained(|conn, catalog| {
            let model = catalog.lifecycle(&request.lifecycle)?;
            let lifecycle = &model.lifecycle;
            let stage = match &request.stage {
                Some(name) => lifecycle.stage(name, "stage")?,
                None => {
                    let mut stages = lifecycle.stages.iter();
                    let won = stages.position(|stage| stage.kind == StageKind::Won);
                    won.ok_or_else(|| {
                        let message = "the lifecycle has no stage that is won";
                        Error::new(ErrorKind::Required, message).with_field("stage")
                    })?
                }
            };
            if !lifecycle.stages[stage].kind.is_ordered() {
                let message = "who is lost or beside the way is no customer";
                return Err(Error::new(ErrorKind::InvalidArgument, message)
                    .with_field("stage")
                    .with_hint("name a stage that is open or won"));
            }
            let table = catalog.table(&lifecycle.entity_type)?;
            let referral = ways(catalog, &table.model.name, &request.referral, "referral")?;
            let repeat = ways(catalog, &table.model.name, &request.repeat, "repeat")?;
            let mut fold = FlywheelFold::new(lifecycle, stage, (request.from, request.until));
            rows::each_visit(conn, model.id, None, |record, visit| fold.add(record, &visit))?;
            let arrivals = std::mem::take(&mut fold.arrivals);
            let (mut referred, mut repeated, mut by_existing) = (0, 0, 0);
            for arrival in &arrivals {
                let look = Look { conn, catalog, table, arrival };
                let is_referred = look.any(&referral)?;
                let is_repeated = arrival.is_again || look.any(&repeat)?;
                referred += u64::from(is_referred);
                repeated += u64::from(is_repeated);
                by_existing += u64::from(is_referred || is_repeated);
            }
            let customers = arrivals.len() as u64;
            let mut suppressed: HashMap<String, u64> = HashMap::new();
            rows::each_suppressed(conn, model.id, |stage, at| {
                if fold.is_within(at) {
                    *suppressed.entry(stage).or_default() += 1;
                }
            })?;
            let win_back = fold.win_back();
            let friction =
                fold.friction(|stage| suppressed.get(stage).copied().unwrap_or_default());
            Ok(Flywheel {
                stage: lifecycle.stages[stage].name.clone(),
                customers,
                referred,
                repeated,
                by_existing,
                share: part(by_existing, customers),
                friction,
                win_back,
            })
        })
    }
}

/// The ways of a request, looked up.
fn ways(
    catalog: &Catalog,
    entity_type: &str,
    asked: &[RelatedStage],
    field: &str,
) -> Result<Vec<On>> {
    if asked.len() > WAYS {
        let message = format!("at most {WAYS} ways");
        return Err(Error::new(ErrorKind::LimitExceeded, message).with_field(field));
    }
    let find = |name: &str| catalog.find_lifecycle(name).map(|model| &model.lifecycle);
    let names: Vec<&str> = catalog.lifecycles().map(|model| model.name()).collect();
    let way = |(nth, related): (usize, &RelatedStage)| {
        related_stage(catalog, entity_type, related, &find, &names).map_err(|error| {
            let place = error.field().map(|place| format!(".{place}")).unwrap_or_default();
            error.with_field(format!("{field}[{nth}]{place}"))
        })
    };
    asked.iter().enumerate().map(way).collect()
}

/// Looks at the relations of a record that arrived.
struct Look<'a> {
    conn: &'a Connection,
    catalog: &'a Catalog,
    table: &'a Table,
    arrival: &'a Arrival,
}

impl Look<'_> {
    /// Whether one of these ways leads to somebody who had come to its stage before.
    fn any(&self, ways: &[On]) -> Result<bool> {
        for way in ways {
            let On::Related { test, lifecycle, stages, only_primary } = way else { continue };
            let lifecycle = self.catalog.lifecycle(lifecycle)?.id;
            for other in self.others(&test.way, &test.types[0].name, *only_primary)? {
                let is_itself = other == self.arrival.record;
                if !is_itself && rows::was_on(self.conn, lifecycle, other, stages, self.arrival.at)?
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The records to which a way leads, as it was when the record arrived.
    fn others(&self, way: &Way, far: &str, only_primary: bool) -> Result<Vec<RecordId>> {
        let (conn, id) = (self.conn, self.arrival.record);
        let far = self.catalog.table(far)?;
        let limit = RELATED + 1;
        let found: Vec<RecordId> = match way {
            Way::Association { association, inverse, .. } => {
                let day = Moment::new(self.arrival.at, "UTC")?.today();
                let links = facts::links(conn, association.id, id, *inverse, far.model.id, limit)?;
                check_count(links.len())?;
                let holding = links.into_iter().filter(|link| {
                    let (first, last) = link.valid;
                    (link.is_primary || !only_primary)
                        && first.is_none_or(|first| first <= day)
                        && last.is_none_or(|last| day <= last)
                });
                holding.map(|link| link.other).collect()
            }
            Way::Reference(Column { place, .. }) => {
                let row = records::get(conn, self.table, id)?;
                let cell = row.map(|row| row.cells[place - RECORD_COLUMNS.len()].clone());
                cell.as_ref().and_then(Cell::to_id).into_iter().collect()
            }
            Way::Referring(column) => facts::referring(conn, far, &column.name, id, limit)?,
        };
        check_count(found.len())?;
        Ok(found)
    }
}

fn check_count(count: usize) -> Result<()> {
    match count > RELATED {
        false => Ok(()),
        true => {
            let message = format!("a record has more than {RELATED} relations of one way");
            Err(Error::new(ErrorKind::LimitExceeded, message)
                .with_hint("take a narrower way, such as only primary associations"))
        }
    }
}
