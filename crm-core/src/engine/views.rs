//! Saved views: saving, running, archiving.

use super::Crm;
use crate::{
    ChangeKind, Error, ErrorKind, Result, RunView, SaveView, SavedView, ViewAnswer, ViewQuery,
    limits,
    normal::name::nearest,
    query::view_json,
    schema::check,
    store::{Connection, views as rows},
};

/// Saved views: see [`Crm::views`].
#[derive(Debug)]
pub struct Views<'a> {
    crm: &'a Crm,
}

impl<'a> Views<'a> {
    pub(super) fn new(crm: &'a Crm) -> Self {
        Self { crm }
    }

    /// Saves a query under a name, or changes what is saved under it. Label and description stay
    /// where they are empty.
    ///
    /// ```
    /// use crm_core::{Crm, RunView, SaveView, SelectColumn, SelectRows, ViewAnswer, ViewQuery, values};
    ///
    /// let crm = Crm::in_memory()?;
    /// let mut large = SelectRows::new("company", [SelectColumn::field("name")]);
    /// large.condition = Some("employees >= 50".parse()?);
    /// crm.views().save(SaveView::new("large_companies", ViewQuery::Select(large)))?;
    /// crm.companies().create(values! { "name" => "A", "employees" => 80 })?;
    /// let answer = crm.views().run(&RunView::new("large_companies"))?;
    /// assert!(matches!(answer, ViewAnswer::Rows(page) if page.rows.len() == 1));
    /// # Ok::<(), crm_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As the query itself, naming the path within the request, such as
    /// `query.select.columns[0].field`; `InvalidArgument` if the name is no identifier or the query
    /// has an `after`; `Archived` if the view is archived; `LimitExceeded` past 1,000 views or a
    /// megabyte of JSON.
    pub fn save(&self, view: SaveView) -> Result<SavedView> {
        check::identifier(&view.name, "view")?;
        check::texts(&view.label, &view.description)?;
        self.crm.write(|writing| {
            let judged = view.query.check_beginning();
            let judged =
                judged.and_then(|()| self.crm.judge(writing.tx, &writing.catalog, &view.query));
            judged.map_err(|error| within(&view.query, error))?;
            let known = rows::find(writing.tx, &view.name)?;
            let mut view = view;
            match &known {
                Some(SavedView { archived_at: Some(_), .. }) => return Err(archived()),
                Some(known) => {
                    let texts = [
                        (&mut view.label, &known.label),
                        (&mut view.description, &known.description),
                    ];
                    for (given, kept) in texts {
                        if given.is_empty() {
                            given.clone_from(kept);
                        }
                    }
                }
                None if rows::count(writing.tx)? >= limits::VIEWS => {
                    let message = format!("at most {} views", limits::VIEWS);
                    return Err(Error::new(ErrorKind::LimitExceeded, message).with_field("name"));
                }
                None if view.label.is_empty() => view.label.clone_from(&view.name),
                None => {}
            }
            let json = view_json(&view)?;
            let SaveView { name, label, description, query } = view;
            let view = SavedView { name, label, description, query, archived_at: None };
            if known.as_ref() != Some(&view) {
                rows::put(writing.tx, &view.name, &json)?;
                let stamp = writing.stamp();
                writing.log(stamp, ChangeKind::ViewSaved, None, None, &json)?;
            }
            Ok(view)
        })
    }

    /// The view of a name.
    ///
    /// # Errors
    ///
    /// `NotFound`, with the nearest name as a hint.
    pub fn get(&self, name: &str) -> Result<SavedView> {
        self.crm.shared.store.read(|conn| find(conn, name))
    }

    /// All views, archived ones included, by name.
    ///
    /// # Errors
    ///
    /// `Closed`.
    pub fn list(&self) -> Result<Vec<SavedView>> {
        self.crm.shared.store.read(rows::all)
    }

    /// Runs a view: its rows, groups or two-way table.
    ///
    /// # Errors
    ///
    /// `NotFound`; `Archived`; `InvalidArgument` for the pages of a pivot; as the query itself, which
    /// is judged anew: the field is the place within it, such as `columns[0].field`.
    pub fn run(&self, run: &RunView) -> Result<ViewAnswer> {
        match self.query_of(run)? {
            ViewQuery::Select(request) => self.crm.select_rows(&request).map(ViewAnswer::Rows),
            ViewQuery::Group(request) => self.crm.group_records(&request).map(ViewAnswer::Rows),
            ViewQuery::Pivot(request) => self.crm.pivot_records(&request).map(ViewAnswer::Pivot),
        }
    }

    /// What a run of a view asks.
    pub(super) fn query_of(&self, run: &RunView) -> Result<ViewQuery> {
        let view = self.get(&run.name)?;
        match view.archived_at {
            Some(_) => Err(archived()),
            None => view.query.of_run(run),
        }
    }

    /// Archives a view: it stays readable, and is neither run nor changed.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn archive(&self, name: &str) -> Result<SavedView> {
        self.set_archived(name, true)
    }

    /// Takes a view out of the archive.
    ///
    /// # Errors
    ///
    /// `NotFound`.
    pub fn restore(&self, name: &str) -> Result<SavedView> {
        self.set_archived(name, false)
    }

    fn set_archived(&self, name: &str, archive: bool) -> Result<SavedView> {
        self.crm.write(|writing| {
            let mut view = find(writing.tx, name)?;
            if view.archived_at.is_some() == archive {
                return Ok(view);
            }
            let stamp = writing.stamp();
            view.archived_at = archive.then(|| stamp.at());
            rows::archive(writing.tx, name, view.archived_at)?;
            let change = if archive { ChangeKind::ViewArchived } else { ChangeKind::ViewRestored };
            writing.log(stamp, change, None, None, &format!("{{\"name\":\"{name}\"}}"))?;
            Ok(view)
        })
    }
}

fn find(conn: &Connection, name: &str) -> Result<SavedView> {
    if let Some(view) = rows::find(conn, name)? {
        return Ok(view);
    }
    let error = Error::new(ErrorKind::NotFound, "no such view").with_field("name");
    let names = rows::names(conn)?;
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.with_hint(format!("did you mean {near:?}?")),
        None => error.with_hint("save it with views.save"),
    })
}

fn archived() -> Error {
    Error::new(ErrorKind::Archived, "the view is archived")
        .with_field("name")
        .with_hint("restore it with views.restore")
}

/// The same error, whose place lies within the query.
fn within(query: &ViewQuery, error: Error) -> Error {
    let path = format!("query.{}", query.name());
    let place = error.field().map(|place| format!("{path}.{place}"));
    error.with_field(place.unwrap_or(path))
}
