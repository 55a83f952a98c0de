import Crm
import Foundation

// The branches of associations and their types.

private func typeName(_ given: Json) throws -> AssociationTypeName {
    AssociationTypeName(associationType: try given.only("type").string("type"))
}

private func texts(_ given: Json, _ key: String) throws -> [String] {
    try given.list(key) { try $0.wanted($0.text) }
}

private func direction(_ given: Json) throws -> AssociationDirection {
    guard let name = given["direction"].text else { return .both }
    return try given.wanted(AssociationDirection.allCases.first { "\($0)" == name })
}

private func greatest(_ given: Json, _ key: String) -> UInt32? { given[key].integer.map(UInt32.init) }

extension Json {
    fileprivate func associationType() throws -> DefineAssociationType {
        _ = try only(
            "name", "label", "inverse_label", "description", "from", "to", "max_outgoing",
            "max_incoming", "roles", "is_hierarchy", "attributes")
        return DefineAssociationType(
            name: try string("name"), label: self["label"].text ?? "",
            inverseLabel: self["inverse_label"].text ?? "",
            description: self["description"].text ?? "", from: try texts(self, "from"),
            to: try texts(self, "to"), maxOutgoing: greatest(self, "max_outgoing"),
            maxIncoming: greatest(self, "max_incoming"),
            roles: try list("roles") {
                ChoiceOption(
                    value: try $0.string("value"), label: $0["label"].text ?? "",
                    order: Int32($0["order"].integer ?? 0), hidden: $0["hidden"].bool ?? false)
            },
            isHierarchy: self["is_hierarchy"].bool ?? false,
            attributes: try list("attributes") { try $0.attribute() })
    }

    fileprivate func association() throws -> AddAssociation {
        _ = try only(
            "type", "from", "to", "role", "is_primary", "valid_from", "valid_to", "values")
        return AddAssociation(
            associationType: try string("type"), from: try self["from"].recordRef(),
            to: try self["to"].recordRef(), role: self["role"].text,
            isPrimary: self["is_primary"].bool ?? false, validFrom: self["valid_from"].text,
            validTo: self["valid_to"].text, values: try values("values"))
    }

    fileprivate func related() throws -> FindRelated {
        _ = try only(
            "record", "type", "direction", "role", "on", "at_any_time", "archived",
            "with_records", "after", "limit")
        return FindRelated(
            record: try self["record"].recordRef(), associationType: self["type"].text,
            direction: try direction(self), role: self["role"].text, on: self["on"].text,
            atAnyTime: self["at_any_time"].bool ?? false, archived: archived,
            withRecords: self["with_records"].bool ?? false, after: self["after"].text,
            limit: self.limit("limit", 100))
    }
}

let associationBranches: [String: Branch] = [
    "association_types.archive": { try $0.archiveAssociationType(request: try typeName($1)).json },
    "association_types.define": {
        try $0.defineAssociationType(request: try $1.associationType()).json
    },
    "association_types.define_preset": { crm, given in
        let name = try given.only("preset").string("preset")
        let preset = try given.wanted(AssociationPreset.allCases.first { snake("\($0)") == name })
        return try crm.defineAssociationPreset(request: DefineAssociationPreset(preset: preset))
            .json
    },
    "association_types.get": { try $0.getAssociationType(request: try typeName($1)).json },
    "association_types.list": { crm, given in
        _ = try given.only()
        return json(try crm.listAssociationTypes(request: Empty()))
    },
    "association_types.restore": { try $0.restoreAssociationType(request: try typeName($1)).json },
    "associations.add": { try $0.addAssociation(request: try $1.association()).json },
    "associations.archive": { crm, given in
        let given = try given.only("id", "expected_version")
        return try crm.archiveAssociation(
            request: ArchiveAssociation(
                id: try given.string("id"), expectedVersion: given["expected_version"].integer)
        ).json
    },
    "associations.get": { crm, given in
        try crm.getAssociation(request: GetAssociation(id: try given.only("id").string("id"))).json
    },
    "associations.patch": { crm, given in
        let given = try given.only("id", "changes", "expected_version")
        return try crm.patchAssociation(
            request: PatchAssociation(
                id: try given.string("id"), changes: try given.values("changes"),
                expectedVersion: given["expected_version"].integer)
        ).json
    },
    "associations.related": { crm, given in
        let page = try crm.findRelated(request: try given.related())
        return .object(["related": json(page.related), "next": json(page.next)])
    },
    "associations.restore": { crm, given in
        let given = try given.only("id", "expected_version")
        return try crm.restoreAssociation(
            request: RestoreAssociation(
                id: try given.string("id"), expectedVersion: given["expected_version"].integer)
        ).json
    },
    "associations.walk": { crm, given in
        let given = try given.only(
            "type", "record", "direction", "on", "at_any_time", "through_archived", "max_depth",
            "limit")
        let walk = try crm.walkAssociations(
            request: WalkAssociations(
                associationType: try given.string("type"),
                record: try given["record"].recordRef(), direction: try direction(given),
                on: given["on"].text, atAnyTime: given["at_any_time"].bool ?? false,
                throughArchived: given["through_archived"].bool ?? false,
                maxDepth: given.limit("max_depth", 64), limit: given.limit("limit", 1000)))
        return .object(["nodes": json(walk.nodes), "is_truncated": .bool(walk.isTruncated)])
    },
]

extension AssociationType: Wire {
    var json: Json {
        .object([
            "name": .text(name), "label": .text(label), "inverse_label": .text(inverseLabel),
            "description": .text(description), "from": .array(from.map { .text($0) }),
            "to": .array(to.map { .text($0) }),
            "max_outgoing": CrmTests.json(maxOutgoing.map(Int64.init)),
            "max_incoming": CrmTests.json(maxIncoming.map(Int64.init)),
            "roles": CrmTests.json(roles), "is_hierarchy": .bool(isHierarchy),
            "attributes": CrmTests.json(attributes), "archived_at": CrmTests.json(archivedAt),
        ])
    }
}

extension Association: Wire {
    var json: Json {
        .object([
            "type": .text(associationType), "id": .text(id), "version": .integer(version),
            "created_at": CrmTests.json(createdAt), "updated_at": CrmTests.json(updatedAt),
            "archived_at": CrmTests.json(archivedAt), "from": from.json, "to": to.json,
            "role": CrmTests.json(role), "is_primary": .bool(isPrimary),
            "valid_from": CrmTests.json(validFrom), "valid_to": CrmTests.json(validTo),
            "values": CrmTests.json(values),
        ])
    }
}

extension AssociationChange: Wire {
    var json: Json {
        .object([
            "type": .text(associationType), "id": .text(id), "from": from?.json ?? .null,
            "to": to?.json ?? .null, "values": CrmTests.json(values),
        ])
    }
}

extension AssociationEntry: Wire {
    var json: Json {
        .object([
            "seq": .integer(seq), "at": CrmTests.json(at), "actor": .text(actor),
            "cause": CrmTests.json(cause), "kind": .text(snake("\(kind)")),
            "version": .integer(version), "type": .text(associationType), "id": .text(id),
            "direction": .text("\(direction)"), "other": other.json,
            "values": CrmTests.json(values),
        ])
    }
}

extension Related: Wire {
    var json: Json {
        .object([
            "association": association.json, "direction": .text("\(direction)"),
            "other": other.json, "record": record?.json ?? .null,
        ])
    }
}

extension WalkNode: Wire {
    var json: Json {
        .object([
            "record": record.json, "depth": .integer(Int64(depth)), "parent": .text(parent),
            "association": .text(association),
        ])
    }
}
