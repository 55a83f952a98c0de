//! Special categories of data: a purpose of their own, and where that is told.

use crm_core::{
    AccessData, Attribute, Crm, DefineActivityKind, DefineType, Error, ErrorKind, Flow,
    GetRegister, Kind, Purpose, RecordRef, Sensitivity, Value, values,
};

use crate::support::{Folder, define_care};

fn fault(error: &Error) -> (ErrorKind, &str) {
    (error.kind(), error.field().unwrap_or_default())
}

fn illness() -> Attribute {
    Attribute::new("illness", Kind::Text).special("care")
}

#[test]
fn a_purpose_is_shared_by_special_attributes_alone_whichever_comes_first() {
    let crm = Crm::in_memory().unwrap();
    define_care(&crm);
    let types = crm.types();
    let size = Attribute { purpose: Some("care".into()), ..Attribute::new("size", Kind::Text) };
    types.define_attribute("contact", size.clone()).unwrap();
    let error = types.define_attribute("contact", illness()).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::DefinitionConflict, "illness.purpose"));

    // An archived attribute still has its values.
    types.archive_attribute("contact", "size").unwrap();
    let error = types.define_attribute("contact", illness()).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::DefinitionConflict, "illness.purpose"));

    types.restore_attribute("contact", "size").unwrap();
    let error =
        types.define_attribute("contact", Attribute { purpose: None, ..illness() }).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::Required, "illness.purpose"));
    types.define_attribute("contact", Attribute { purpose: None, ..size.clone() }).unwrap();
    types.define_attribute("contact", illness()).unwrap();
    let error = types.define_attribute("contact", size).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::DefinitionConflict, "size.purpose"));

    // What becomes special is judged as what is new.
    let note = Attribute::new("note", Kind::Text);
    types.define_attribute("contact", note.clone()).unwrap();
    let becomes = Attribute { sensitivity: Sensitivity::Special, ..note };
    let error = types.define_attribute("contact", becomes.clone()).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::Required, "note.purpose"));
    let becomes = Attribute { purpose: Some("care".into()), ..becomes };
    types.define_attribute("contact", becomes).unwrap();
}

#[test]
fn a_refused_definition_leaves_nothing_behind() {
    let crm = Crm::in_memory().unwrap();
    define_care(&crm);
    let attributes = [Attribute::new("ward", Kind::Text), illness(), {
        Attribute { name: "other".into(), purpose: None, ..illness() }
    }];
    let error = crm.types().define(DefineType::new("patient", attributes)).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::Required, "other.purpose"));
    assert_eq!(crm.types().get("patient").unwrap_err().kind(), ErrorKind::UnknownType);
    let cure = Attribute { purpose: Some("cure".into()), ..illness() };
    let kind = DefineActivityKind::new("visit", [cure]);
    let error = crm.activity_kinds().define(kind).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::NotFound, "illness.purpose"));
    assert_eq!(crm.activity_kinds().get("visit").unwrap_err().kind(), ErrorKind::UnknownType);
}

#[test]
fn a_purpose_that_is_archived_takes_no_attribute_and_gives_none_back() {
    let crm = Crm::in_memory().unwrap();
    define_care(&crm);
    let care = crm.consents().definitions().unwrap().purposes.pop().unwrap();
    let archived = Purpose { is_archived: true, ..care.clone() };
    crm.types().define_attribute("contact", illness()).unwrap();
    let error = crm.consents().define_purpose(archived.clone()).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::DefinitionConflict, "is_archived"));

    crm.types().archive_attribute("contact", "illness").unwrap();
    crm.consents().define_purpose(archived).unwrap();
    let error = crm.types().restore_attribute("contact", "illness").unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::Archived, "illness.purpose"));
    let other = Attribute { name: "other".into(), ..illness() };
    let error = crm.types().define_attribute("contact", other).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::Archived, "other.purpose"));

    // Its values are still there, so the purpose goes on to name what they are.
    let bare = Purpose { processing: None, ..care.clone() };
    let error = crm.consents().define_purpose(bare).unwrap_err();
    assert_eq!(fault(&error), (ErrorKind::DefinitionConflict, "processing.personal_data"));
    crm.consents().define_purpose(care).unwrap();
    crm.types().restore_attribute("contact", "illness").unwrap();
}

#[test]
fn the_register_and_the_answer_to_the_person_name_the_attributes() {
    let folder = Folder::new();
    let crm = folder.open();
    define_care(&crm);
    crm.types().define_attribute("contact", illness()).unwrap();
    crm.close().unwrap();

    let crm = folder.open();
    let register = crm.privacy().register(&GetRegister::default()).unwrap();
    assert_eq!(register.entries[0].attributes, ["contact.illness"]);
    assert!(register.csv.contains(",contact.illness,"), "{}", register.csv);
    let ann = crm.contacts().create(values! { "illness" => "flu" }).unwrap();
    let request = AccessData::new(RecordRef::new("contact", ann.id));
    let report = crm.privacy().access(&request, &mut |_| Flow::Continue).unwrap();
    let document: serde_json::Value = serde_json::from_str(&report.text.unwrap()).unwrap();
    assert_eq!(document["purposes"][0]["attributes"], serde_json::json!(["contact.illness"]));
    assert_eq!(crm.contacts().get(ann.id).unwrap().get("illness"), &Value::Text("flu".into()));
}
