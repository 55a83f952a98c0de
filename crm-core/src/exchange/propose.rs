//! Which column may go where, by its name.
//!
//! The columns of a known export go where it says. Names of other columns are compared with names and
//! labels of attributes, without case, spaces and punctuation, and then by words that mean the same in
//! many programs. The invariant: no two columns go to one attribute, and nothing that cannot be seen
//! is proposed: no order of day and month, no separator, no time zone.

use super::{
    AssociationColumns, ColumnMapping, MappingProposal,
    additions::{Additions, mapping},
    columns,
    exports::{self, Export},
};
use crate::{
    AssociationPreset, Kind, RecordId,
    association::AssociationModel,
    normal::trim,
    schema::{AttributeModel, TypeModel},
};

/// Words for the same thing, in the form of [`normal`].
const SYNONYMS: &[&[&str]] = &[
    &["givenname", "firstname", "forename", "fname", "vorname"],
    &["familyname", "lastname", "surname", "lname", "nachname"],
    &["email", "emailaddress", "mail", "primaryemail", "workemail"],
    &[
        "phone",
        "phonenumber",
        "telephone",
        "telephonenumber",
        "tel",
        "mobile",
        "mobilephone",
        "mobilenumber",
        "cell",
        "cellphone",
        "businessphone",
        "primaryphone",
        "telefon",
    ],
    &[
        "company",
        "companyname",
        "organisation",
        "organization",
        "organisationname",
        "organizationname",
        "account",
        "accountname",
        "employer",
        "firma",
    ],
    &["jobtitle", "title", "position", "occupation"],
    &["birthday", "birthdate", "dateofbirth", "dob", "geburtstag"],
    &["postalcode", "zip", "zipcode", "zippostalcode", "postcode", "plz"],
    &["street", "streetaddress", "addressline1", "address1", "strasse", "straße"],
    &["city", "town", "locality", "ort", "stadt"],
    &["region", "state", "stateregion", "stateprovince", "province", "county"],
    &["country", "countrycode", "countryregion", "land"],
    &["website", "websiteurl", "url", "homepage", "webpage", "web"],
    &["domain", "companydomain", "companydomainname", "domainname"],
    &["industry", "sector", "branche"],
    &["employees", "numberofemployees", "employeecount", "headcount"],
    &["annualrevenue", "revenue", "turnover"],
    &["description", "notes", "note", "comment", "comments", "remarks"],
    &["source", "leadsource", "originalsource"],
    &["locale", "language", "preferredlanguage", "sprache"],
    &["timezone", "tz"],
    &["name", "fullname"],
    &["amount", "value", "dealvalue", "dealamount", "closevalue"],
    &["openedon", "opendate", "createdate", "engagedate"],
    &["closedon", "closedate", "closingdate"],
];

/// A part of an attribute, with all its names in the form of [`normal`].
struct Target<'m> {
    attribute: &'m AttributeModel,
    part: &'static str,
    /// As export names it.
    column: String,
    names: Vec<String>,
    /// What the part alone is called; empty where the attribute has but one.
    part_name: String,
}

/// Proposes a mapping of the columns of a known export, or of those that resemble an attribute, and
/// attributes for the others; `samples` are the cells of some rows and `find_type` gives the type that
/// a reference refers to.
pub(crate) fn propose<'t>(
    model: &TypeModel,
    header: &[String],
    samples: &[Vec<String>],
    find_type: impl Fn(&str) -> Option<&'t TypeModel>,
    find_association: impl Fn(&str) -> Option<&'t AssociationModel>,
) -> MappingProposal {
    let export = exports::recognise(header);
    let associations = export.map(|export| {
        employers(model, header, export, &find_type, find_association).into_iter().collect()
    });
    let mut additions = Additions::new(model);
    let mut is_added = vec![false; header.len()];
    let mut found = match export {
        Some(export) => of_export(model, header, export, &mut additions, &mut is_added),
        None => of_resemblance(model, header, samples, find_type),
    };
    found.sort_by_key(|(place, _)| *place);
    let is_mapped = |place: usize| found.iter().any(|(mapped, _)| *mapped == place);
    let others = header.iter().enumerate().filter(|(place, _)| !is_mapped(*place));
    let others: Vec<_> = others.collect();
    for (place, column) in &others {
        if !is_added[*place] && !is_ambiguous(header, column) {
            additions.text(column);
        }
    }
    MappingProposal {
        export: export.map(|export| export.name.to_owned()),
        unmapped: others.into_iter().map(|(_, column)| column.clone()).collect(),
        columns: found.into_iter().map(|(_, column)| column).collect(),
        additions: additions.finish(),
        associations: associations.unwrap_or_default(),
    }
}

/// The column of an export that names the company of a person, where the ready-made association leads
/// there. It goes to an attribute as well, so that nothing depends on it.
fn employers<'t>(
    model: &TypeModel,
    header: &[String],
    export: &Export,
    find_type: impl Fn(&str) -> Option<&'t TypeModel>,
    find_association: impl Fn(&str) -> Option<&'t AssociationModel>,
) -> Option<AssociationColumns> {
    const OTHER: &str = "company";
    const BY: &str = "name";
    let mut places = export.places();
    let place = places
        .find(|place| place.target == "company_name" && header.iter().any(|c| c == place.column))?;
    let link = find_association(AssociationPreset::EmployedBy.name())?;
    let leads = |ends: &[String], end: &str| ends.iter().any(|name| name == end);
    let definition = &link.definition;
    let fits = link.archived_at.is_none()
        && leads(&definition.from, &model.name)
        && leads(&definition.to, OTHER)
        && !is_ambiguous(header, place.column);
    let other = find_type(OTHER).filter(|other| fits && other.archived_at.is_none())?;
    let key = other.live().find(|attribute| attribute.name() == BY)?;
    (key.definition.unique || key.definition.index).then(|| AssociationColumns {
        create_missing: true,
        ..AssociationColumns::new(link.name(), place.column, OTHER, BY)
    })
}

/// Whether a column occurs twice: it cannot be named, so it cannot be mapped.
fn is_ambiguous(header: &[String], name: &str) -> bool {
    header.iter().filter(|other| *other == name).count() > 1
}

/// The columns of a known export that the type has attributes for. Those for others are added.
fn of_export(
    model: &TypeModel,
    header: &[String],
    export: &Export,
    additions: &mut Additions,
    is_added: &mut [bool],
) -> Vec<(usize, ColumnMapping)> {
    let mut found: Vec<(usize, ColumnMapping)> = Vec::new();
    for place in export.places() {
        let Some(number) = header.iter().position(|column| column == place.column) else {
            continue;
        };
        if is_ambiguous(header, place.column) {
            continue;
        }
        let (name, _) = place.target.split_once('.').unwrap_or((place.target, ""));
        let known = model.live().find(|attribute| attribute.name() == name);
        let is_free = !found.iter().any(|(_, mapping)| mapping.attribute == place.target);
        if known.is_some_and(|attribute| attribute.definition.kind == place.kind) && is_free {
            found.push((number, mapping(place)));
        } else {
            is_added[number] = additions.place(place);
        }
    }
    // What was added for this export before has the column as its label.
    for (number, column) in header.iter().enumerate() {
        let is_mapped = is_added[number] || found.iter().any(|(mapped, _)| *mapped == number);
        if is_mapped || is_ambiguous(header, column) {
            continue;
        }
        let is_its_own = |attribute: &&AttributeModel| {
            attribute.definition.kind == Kind::LongText
                && attribute.definition.label == *column
                && !found.iter().any(|(_, mapping)| mapping.attribute == attribute.name())
        };
        if let Some(attribute) = model.live().find(is_its_own) {
            found.push((number, ColumnMapping::new(column, attribute.name())));
        }
    }
    found
}

/// The columns that resemble an attribute.
fn of_resemblance<'t>(
    model: &TypeModel,
    header: &[String],
    samples: &[Vec<String>],
    find_type: impl Fn(&str) -> Option<&'t TypeModel>,
) -> Vec<(usize, ColumnMapping)> {
    let targets = targets(model);
    let mut taken: Vec<Option<usize>> = vec![None; targets.len()];
    let mut is_mapped = vec![false; header.len()];
    // The surest resemblance first, for the whole header, so that it is not forestalled.
    let rules: [fn(&Target<'_>, &str, &str) -> bool; 4] = [
        |target, column, _| target.column == column,
        |target, _, name| target.names.iter().any(|known| known == name),
        |target, _, name| target.names.iter().any(|known| is_synonym(known, name)),
        |target, _, name| {
            !target.part_name.is_empty()
                && (target.part_name == name || is_synonym(&target.part_name, name))
        },
    ];
    for rule in rules {
        for (place, column) in header.iter().enumerate() {
            let name = normal(column);
            if is_mapped[place] || name.is_empty() || is_ambiguous(header, column) {
                continue;
            }
            let fits = |(number, target): &(usize, &Target<'_>)| {
                taken[*number].is_none() && rule(target, column, &name)
            };
            if let Some((number, _)) = targets.iter().enumerate().find(fits) {
                taken[number] = Some(place);
                is_mapped[place] = true;
            }
        }
    }
    drop_incomplete(&targets, &mut taken);
    let found = taken.iter().zip(&targets).filter_map(|(c, t)| Some(((*c)?, t)));
    let columns = found.map(|(place, target)| {
        let mut mapping = ColumnMapping::new(header[place].clone(), target.column.clone());
        let target_type = target.attribute.definition.target.as_deref().and_then(&find_type);
        let cells = samples.iter().filter_map(|row| row.get(place)).map(|cell| trim(cell));
        mapping.lookup = target_type.and_then(|target| lookup(target, cells));
        (place, mapping)
    });
    columns.collect()
}

fn targets(model: &TypeModel) -> Vec<Target<'_>> {
    let mut targets = Vec::new();
    for attribute in model.live().filter(|attribute| !attribute.is_calculated()) {
        let definition = &attribute.definition;
        let is_only = model.live().filter(|a| a.definition.kind == definition.kind).count() == 1;
        for part in columns::parts(definition.kind) {
            let column = columns::name(&definition.name, part);
            // Where it is the only address, its city is "city".
            let part_name = if is_only { normal(part) } else { String::new() };
            let names = [&definition.name, &definition.label].into_iter();
            let names = names.map(|name| normal(&format!("{name} {part}"))).collect();
            targets.push(Target { attribute, part, column, names, part_name });
        }
    }
    targets
}

/// Takes back what cannot be a value by itself: a currency without an amount, a name without a file.
fn drop_incomplete(targets: &[Target<'_>], taken: &mut [Option<usize>]) {
    for number in 0..targets.len() {
        let Target { attribute, part, .. } = &targets[number];
        let same = |other: &usize| targets[*other].attribute.name() == attribute.name();
        let is_missing = |other: usize| taken[other].is_none();
        let is_whole = match attribute.definition.kind {
            Kind::Money if part.is_empty() => {
                attribute.definition.currency.is_some()
                    || !(0..targets.len()).filter(same).any(is_missing)
            }
            Kind::Money => !(0..targets.len()).find(same).is_some_and(is_missing),
            Kind::File => !(0..targets.len()).filter(same).any(is_missing),
            _ => true,
        };
        if !is_whole {
            taken[number] = None;
        }
    }
}

/// The only unique attribute by which cells that are no ids may name records.
fn lookup<'a>(target: &TypeModel, cells: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut cells = cells.filter(|cell| !cell.is_empty()).peekable();
    cells.peek()?;
    if cells.all(|cell| cell.parse::<RecordId>().is_ok()) {
        return None;
    }
    let mut unique = target.live().filter(|attribute| attribute.definition.unique);
    match (unique.next(), unique.next()) {
        (Some(only), None) => Some(only.name().to_owned()),
        _ => None,
    }
}

/// A name without case, spaces and punctuation.
fn normal(name: &str) -> String {
    name.chars().filter(|sign| sign.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn is_synonym(one: &str, other: &str) -> bool {
    SYNONYMS.iter().any(|words| words.contains(&one) && words.contains(&other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attribute, Preset};

    fn model(attributes: Vec<Attribute>) -> TypeModel {
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|a| AttributeModel::new(1, a, None).unwrap()).collect();
        TypeModel::new(1, "t".into(), String::new(), String::new(), None, attributes)
    }

    fn pairs(model: &TypeModel, header: &[&str]) -> Vec<(String, String)> {
        let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
        let proposal = propose(model, &header, &[], |_| None, |_| None);
        assert_eq!(proposal.columns.len() + proposal.unmapped.len(), header.len());
        proposal.columns.into_iter().map(|m| (m.column, m.attribute)).collect()
    }

    fn assert_pairs(model: &TypeModel, expected: &[(&str, &str)]) {
        let header: Vec<&str> = expected.iter().map(|(column, _)| *column).collect();
        let expected = expected.iter().filter(|(_, attribute)| !attribute.is_empty());
        let found = pairs(model, &header);
        let found: Vec<_> = found.iter().map(|(c, a)| (c.as_str(), a.as_str())).collect();
        assert_eq!(found, expected.copied().collect::<Vec<_>>());
    }

    #[test]
    fn columns_of_other_programs_are_recognised() {
        let contact = model(Preset::Contact.definition().attributes);
        assert_pairs(
            &contact,
            &[
                ("First Name", "given_name"),
                ("last-name", "family_name"),
                ("E-mail", "email"),
                ("Mobile Phone", "phone"),
                ("Organization", "company"),
                ("Job Title", "job_title"),
                ("Date of birth", "birthday"),
                ("Street Address", "address.street"),
                ("ZIP", "address.postal_code"),
                ("Address City", "address.city"),
                ("Country/Region", "country"),
                ("Shoe size", ""),
            ],
        );
    }

    #[test]
    fn no_two_columns_go_to_one_attribute_and_the_surest_wins() {
        let contact = model(Preset::Contact.definition().attributes);
        assert_pairs(
            &contact,
            &[("Mail", ""), ("Telephone", "phone"), ("email", "email"), ("Mobile", ""), ("", "")],
        );
        assert_pairs(&contact, &[("email", ""), ("email", ""), ("id", "")]);
    }

    #[test]
    fn what_is_exported_is_recognised() {
        let all = [
            Attribute::new("price", Kind::Money),
            Attribute::new("home", Kind::Address),
            Attribute::new("work", Kind::Address),
            Attribute::new("contract", Kind::File),
            Attribute::new("city", Kind::Text),
        ];
        let model = model(all.into());
        let mut expected = Vec::new();
        for attribute in model.live() {
            for part in columns::parts(attribute.definition.kind) {
                expected.push(columns::name(attribute.name(), part));
            }
        }
        let expected: Vec<_> = expected.iter().map(|name| (name.as_str(), name.as_str())).collect();
        assert_pairs(&model, &expected);
    }

    #[test]
    fn an_amount_needs_its_currency() {
        let open = model(vec![Attribute::new("price", Kind::Money)]);
        assert_pairs(&open, &[("Price", "")]);
        assert_pairs(&open, &[("Currency", "")]);
        assert_pairs(&open, &[("Price", "price"), ("Currency", "price.currency")]);
        let fixed = model(vec![Attribute::new("price", Kind::Money).currency("EUR")]);
        assert_pairs(&fixed, &[("Price", "price")]);
    }

    #[test]
    fn references_are_looked_up_where_cells_are_no_ids() {
        let product = model(vec![Attribute::new("name", Kind::Text).unique()]);
        let deal = model(vec![Attribute::new("product", Kind::Reference).target("product")]);
        let propose = |cell: &str| {
            let samples = [vec![String::new()], vec![cell.to_owned()]];
            let proposal =
                propose(&deal, &["Product".to_owned()], &samples, |_| Some(&product), |_| None);
            proposal.columns[0].lookup.clone()
        };
        assert_eq!(propose("GTX Pro"), Some("name".to_owned()));
        assert_eq!(propose("01890a5d-ac96-774b-bcce-b302099a8057"), None);
        assert_eq!(propose(" "), None);
    }

    #[test]
    fn no_format_is_guessed() {
        let model = model(vec![Attribute::new("closed_on", Kind::Date)]);
        let samples = [vec!["04/05/2026".to_owned()]];
        let proposal = propose(&model, &["Close date".to_owned()], &samples, |_| None, |_| None);
        assert_eq!(proposal.columns, [ColumnMapping::new("Close date", "closed_on")]);
    }
}
