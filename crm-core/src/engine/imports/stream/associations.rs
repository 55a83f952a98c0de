//! Rows that are associations, between two records that columns name.

use std::sync::Arc;

use super::{
    super::{
        super::{
            Catalog, Writing,
            associations::{self, NewLink},
            records,
        },
        beside::check_no_rule,
        links::{PRIMARY, is_there},
    },
    Maker, missing, unsaid,
};
use crate::{
    Attribute, ColumnMapping, Error, ErrorKind, IngestAssociations, Kind, Outcome, RecordRef,
    Result, Value,
    exchange::{Field, RowSource, make_fields},
    record::{Draft, Given},
    schema::{AttributeModel, TypeModel},
    store::{associations::AssociationTable, table::Table},
};

/// Makes associations of rows.
pub(in crate::engine) struct AssociationMaker<'r> {
    request: &'r IngestAssociations,
    columns: Vec<ColumnMapping>,
    ready: Ready,
}

/// What is made anew when a definition changes.
struct Ready {
    table: Arc<AssociationTable>,
    /// The entity types at both ends.
    ends: [Arc<Table>; 2],
    /// What every association of the type has, and then both ends.
    whole: TypeModel,
    fields: Vec<Field>,
}

const ENDS: [&str; 2] = ["from", "to"];

impl<'r> AssociationMaker<'r> {
    /// # Errors
    ///
    /// `UnknownType`, `UnknownAttribute`, `Archived`; `InvalidArgument` if no column names one of the
    /// ends, or if nobody says of which type it is; as [`RowSource::check_column`].
    pub(in crate::engine) fn new(
        catalog: &Catalog,
        request: &'r IngestAssociations,
        table: &dyn RowSource,
        columns: Vec<ColumnMapping>,
    ) -> Result<Self> {
        let ready = Ready::new(catalog, request, table, &columns)?;
        Ok(Self { request, columns, ready })
    }
}

impl Ready {
    fn new(
        catalog: &Catalog,
        request: &IngestAssociations,
        source: &dyn RowSource,
        columns: &[ColumnMapping],
    ) -> Result<Self> {
        let table = catalog.associations(&request.association_type)?;
        let model = &table.model;
        model.check_live()?;
        let [from, to] = [
            find_end(catalog, table, "from", request.from_type.as_deref())?,
            find_end(catalog, table, "to", request.to_type.as_deref())?,
        ];
        let mut whole = model.whole.clone();
        for (name, end) in ENDS.into_iter().zip([&from, &to]) {
            let end = Attribute::new(name, Kind::Reference).target(&end.model.name);
            whole = whole.with_attribute(AttributeModel::new(0, end, None)?);
        }
        let find_type = |name: &str| catalog.find(name).map(|table| &table.model);
        let rule = |_: &AttributeModel, mapping: &ColumnMapping| check_no_rule(mapping);
        let fields = make_fields(&whole, source, columns, find_type, rule)?;
        for (place, name) in (model.whole.attributes.len()..).zip(ENDS) {
            if !fields.iter().any(|field| field.place == place) {
                let message = format!("no column says {name} which record the associations lead");
                return Err(unsaid(&message, &format!("map a column to {name}")));
            }
        }
        Ok(Self { table: Arc::clone(table), ends: [from, to], whole, fields })
    }

    /// How much an association has without its ends.
    fn own(&self) -> usize {
        self.table.model.whole.attributes.len()
    }
}

/// The entity type of the records at an end.
fn find_end(
    catalog: &Catalog,
    table: &AssociationTable,
    end: &str,
    named: Option<&str>,
) -> Result<Arc<Table>> {
    let field = format!("{end}_type");
    let definition = &table.model.definition;
    let declared = if end == "from" { &definition.from } else { &definition.to };
    let name = match (named, &declared[..]) {
        (None, [only]) => only.as_str(),
        (None, several) => {
            let message = format!("associations of this type lead {end} several entity types");
            return Err(Error::new(ErrorKind::InvalidArgument, message)
                .with_field(field)
                .with_hint(format!("name one of {}", several.join(", "))));
        }
        (Some(named), _) => named,
    };
    let found = catalog.table(name).map_err(|error| error.with_field(&*field))?;
    if !declared.contains(&found.model.name) {
        let message = format!("{:?} does not lead {end} this entity type", definition.name);
        return Err(Error::new(ErrorKind::InvalidArgument, message)
            .with_field(field)
            .with_hint(format!("name one of {}", declared.join(", "))));
    }
    found.model.check_live().map_err(|error| error.with_field(field))?;
    Ok(Arc::clone(found))
}

impl Maker for AssociationMaker<'_> {
    fn is_current(&self, catalog: &Catalog) -> bool {
        let Ready { table, ends, .. } = &self.ready;
        let now = catalog.associations(table.model.name());
        now.is_ok_and(|now| Arc::ptr_eq(now, table))
            && ends
                .iter()
                .all(|end| catalog.find(&end.model.name).is_some_and(|now| Arc::ptr_eq(now, end)))
    }

    fn renew(&mut self, catalog: &Catalog, table: &dyn RowSource) -> Result<()> {
        self.ready = Ready::new(catalog, self.request, table, &self.columns)?;
        Ok(())
    }

    fn whole(&self) -> &TypeModel {
        &self.ready.whole
    }

    fn fields(&self) -> &[Field] {
        &self.ready.fields
    }

    fn is_vital(&self, place: usize) -> bool {
        place >= self.ready.own()
    }

    fn write(&self, writing: &mut Writing<'_>, mut given: Given) -> Result<Outcome> {
        let Ready { table, ends, whole, .. } = &self.ready;
        let own = self.ready.own();
        let mut end = |number: usize| -> Result<RecordRef> {
            let (name, place) = (ENDS[number], own + number);
            match given.take(whole, place) {
                Value::Text(id) => Ok(RecordRef::new(&ends[number].model.name, id.parse()?)),
                _ => {
                    let message = format!("the row does not say {name} which record it leads");
                    Err(missing(name, &message, "name the record"))
                }
            }
        };
        let (from, to) = (end(0)?, end(1)?);
        let model = &table.model;
        associations::check_end(writing, model, "from", &from)?;
        associations::check_end(writing, model, "to", &to)?;
        let mut said = Given::new(&model.whole);
        for place in (0..own).filter(|place| given.has(*place)) {
            said.set_cells(&model.whole, place, given.cells(whole, place))?;
        }
        if !said.has(PRIMARY) {
            said.set(&model.whole, PRIMARY, false.into())?;
        }
        let draft = Draft::complete(&model.whole, said)?;
        records::check_size(&model.whole, &draft)?;
        let link = NewLink::new(&writing.view(), table, from, to, draft)?;
        if is_there(&writing.view(), &link)? {
            return Ok(Outcome::Unchanged);
        }
        associations::check_link(&writing.view(), &link)?;
        associations::insert(writing, link)?;
        Ok(Outcome::Created)
    }
}
