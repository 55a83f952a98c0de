import Crm
import Foundation

// The branches of receipts, links between people, proof, access and the register of processing.

extension Json {
    fileprivate func record(_ key: String) throws -> RecordRef {
        let given = try self[key].only("type", "id")
        return RecordRef(entityType: try given.string("type"), id: try given.string("id"))
    }

    fileprivate func linkPeople() throws -> LinkPeople {
        _ = try only("a", "b")
        return LinkPeople(a: try record("a"), b: try record("b"))
    }

    fileprivate func texts(_ key: String) throws -> [String] {
        try list(key) { try $0.wanted($0.text) }
    }

    fileprivate func dataCategory() throws -> DataCategory {
        _ = try only("name", "is_optional", "is_sensitive", "is_special")
        return DataCategory(
            name: try string("name"),
            isOptional: self["is_optional"].bool ?? false,
            isSensitive: self["is_sensitive"].bool ?? false,
            isSpecial: self["is_special"].bool ?? false)
    }

    func processing() throws -> Processing {
        _ = try only(
            "personal_data", "subjects", "collection", "operations", "storage_countries",
            "processing_countries", "transfers", "storage_period", "service", "jurisdiction",
            "recipients", "withdrawal", "rights", "policy_url", "code_of_conduct",
            "impact_assessment", "authority", "security")
        // Apart from the long call below, for the type checker's sake.
        let data: [DataCategory] = try list("personal_data") { try $0.dataCategory() }
        let text = { (key: String) -> String in self[key].text ?? "" }
        return Processing(
            personalData: data,
            subjects: text("subjects"),
            collection: text("collection"),
            operations: try texts("operations"),
            storageCountries: try texts("storage_countries"),
            processingCountries: try texts("processing_countries"),
            transfers: text("transfers"),
            storagePeriod: self["storage_period"].text,
            service: text("service"),
            jurisdiction: text("jurisdiction"),
            recipients: try texts("recipients"),
            withdrawal: text("withdrawal"),
            rights: text("rights"),
            policyUrl: text("policy_url"),
            codeOfConduct: text("code_of_conduct"),
            impactAssessment: text("impact_assessment"),
            authority: text("authority"),
            security: text("security"))
    }
}

let rightsBranches: [String: Branch] = [
    "consents.check_proof": { crm, given in
        _ = try given.only("document", "head")
        let request = CheckProof(document: try given.string("document"), head: given["head"].text)
        return try crm.checkProof(request: request).json
    },
    "consents.link": { crm, given in
        return try crm.linkPeople(request: try given.linkPeople()).json
    },
    "consents.linked": { crm, given in
        _ = try given.only("subject")
        let request = GetLinkedPeople(subject: try given.record("subject"))
        return try crm.getLinkedPeople(request: request).json
    },
    "consents.prove": { crm, given in
        _ = try given.only("question", "head")
        let request = ProveDecision(
            question: try given["question"].mayContact(), head: given["head"].integer)
        return try crm.proveDecision(request: request).json
    },
    "consents.receipt": { crm, given in
        _ = try given.only("subject", "format", "purpose")
        let format: ReceiptFormat = given["format"].text == "kantara" ? .kantara : .dpv
        let request = GetReceipt(
            subject: try given.record("subject"), format: format, purpose: given["purpose"].text)
        return try crm.makeReceipt(request: request).json
    },
    "consents.unlink": { crm, given in
        return try crm.unlinkPeople(request: try given.linkPeople()).json
    },
    "privacy.access": { crm, given in
        _ = try given.only("subject", "scope", "table", "at", "path")
        let scope: AccessScope = given["scope"].text == "portable" ? .portable : .everything
        let request = AccessData(
            subject: try given.record("subject"), scope: scope, table: given["table"].text,
            at: try given.moment("at"), path: given["path"].text)
        return try crm.accessData(request: request).json
    },
    "privacy.register": { crm, given in
        _ = try given.only("controller")
        let request = GetRegister(controller: given["controller"].text)
        return try crm.makeRegister(request: request).json
    },
]

private func array(_ texts: [String]) -> Json { .array(texts.map { .text($0) }) }

extension AccessReport: Wire {
    var json: Json {
        .object([
            "tables": CrmTests.json(tables),
            "bytes": CrmTests.json(bytes),
            "text": CrmTests.json(text),
        ])
    }
}

extension AccessTable: Wire {
    var json: Json {
        .object(["name": .text(name), "rows": CrmTests.json(rows)])
    }
}

extension CheckedProof: Wire {
    var json: Json {
        .object([
            "is_valid": .bool(isValid),
            "reaches_head": .bool(reachesHead),
            "head_seq": .integer(headSeq),
            "head": .text(head),
            "events": CrmTests.json(events),
            "problems": array(problems),
            "unproven": array(unproven),
        ])
    }
}

extension ConsentProof: Wire {
    var json: Json {
        .object([
            "decision": decision.json,
            "document": .text(document),
            "head_seq": .integer(headSeq),
            "head": .text(head),
        ])
    }
}

extension ConsentReceipt: Wire {
    var json: Json {
        .object([
            "id": .text(id),
            "format": named(format),
            "document": .text(document),
            "consents": CrmTests.json(consents),
            "missing": array(missing),
        ])
    }
}

extension ReceiptedConsent: Wire {
    var json: Json {
        .object([
            "id": .text(id),
            "purpose": .text(purpose),
            "channel": .text(channel),
            "contact_point": CrmTests.json(contactPoint),
            "status": named(status),
        ])
    }
}

extension LinkedPeople: Wire {
    var json: Json { .object(["links": CrmTests.json(links)]) }
}

extension PersonLink: Wire {
    var json: Json {
        .object(["a": a.json, "b": b.json, "linked_at": CrmTests.json(linkedAt)])
    }
}

extension DataCategory: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "is_optional": .bool(isOptional),
            "is_sensitive": .bool(isSensitive),
            "is_special": .bool(isSpecial),
        ])
    }
}

extension Processing: Wire {
    var json: Json {
        // In two parts, for the type checker's sake.
        var all: [String: Json] = [
            "personal_data": CrmTests.json(personalData),
            "subjects": .text(subjects),
            "collection": .text(collection),
            "operations": array(operations),
            "storage_countries": array(storageCountries),
            "processing_countries": array(processingCountries),
            "transfers": .text(transfers),
            "storage_period": CrmTests.json(storagePeriod),
            "service": .text(service),
        ]
        let others: [String: Json] = [
            "jurisdiction": .text(jurisdiction),
            "recipients": array(recipients),
            "withdrawal": .text(withdrawal),
            "rights": .text(rights),
            "policy_url": .text(policyUrl),
            "code_of_conduct": .text(codeOfConduct),
            "impact_assessment": .text(impactAssessment),
            "authority": .text(authority),
            "security": .text(security),
        ]
        all.merge(others) { one, _ in one }
        return .object(all)
    }
}

extension ProcessingRegister: Wire {
    var json: Json {
        .object([
            "entries": CrmTests.json(entries), "retentions": CrmTests.json(retentions),
            "csv": .text(csv),
        ])
    }
}

extension RegisterEntry: Wire {
    var json: Json {
        let responsible: Json = controller?.json ?? .null
        return .object([
            "purpose": .text(purpose),
            "description": .text(description),
            "controller": responsible,
            "subjects": .text(subjects),
            "personal_data": CrmTests.json(personalData),
            "attributes": array(attributes),
            "recipients": CrmTests.json(recipients),
            "transfers": .text(transfers),
            "storage_period": CrmTests.json(storagePeriod),
            "retention_periods": array(retentionPeriods),
            "proof_periods": array(proofPeriods),
            "security": .text(security),
            "channels": array(channels),
            "is_archived": .bool(isArchived),
            "missing": array(missing),
        ])
    }
}
