import Crm
import Foundation

// Channels, parties, policies, purposes and texts in JSON.

extension Channel: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "medium": named(medium),
            "label": .text(label),
            "weight": .number(weight),
        ])
    }
}

extension ChannelRule: Wire {
    var json: Json {
        .object([
            "channel": .text(channel),
            "regime": named(regime),
            "double_opt_in": .bool(doubleOptIn),
            "existing_customers": .bool(existingCustomers),
            "legitimate_interest": .bool(legitimateInterest),
            "lapses_after": CrmTests.json(lapsesAfter),
            "warns_before": CrmTests.json(warnsBefore),
            "retention": CrmTests.json(retention),
            "quiet": quiet?.json ?? .null,
            "caps": CrmTests.json(caps),
            "valid_for": CrmTests.json(validFor),
        ])
    }
}

extension ConsentDefinitions: Wire {
    var json: Json {
        .object([
            "channels": CrmTests.json(channels),
            "parties": CrmTests.json(parties),
            "purposes": CrmTests.json(purposes),
            "policies": CrmTests.json(policies),
            "notices": CrmTests.json(notices),
        ])
    }
}

extension ConsentPolicy: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "label": .text(label),
            "rules": CrmTests.json(rules),
            "confirms_within": .text(confirmsWithin),
            "guards_minors": .bool(guardsMinors),
            "pressure": pressure?.json ?? .null,
        ])
    }
}

extension ContactCap: Wire {
    var json: Json {
        .object([
            "most": .integer(Int64(most)),
            "within": .text(within),
        ])
    }
}

extension ContactPressure: Wire {
    var json: Json {
        .object([
            "limit": .number(limit),
            "half_life_days": .integer(Int64(halfLifeDays)),
        ])
    }
}

extension Notice: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "language": .text(language),
            "version": .integer(version),
            "text": .text(text),
            "sha256": .text(sha256),
            "asks_again": .bool(asksAgain),
            "published_at": CrmTests.json(publishedAt),
        ])
    }
}

extension NoticeSummary: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "language": .text(language),
            "version": .integer(version),
            "sha256": .text(sha256),
            "asks_again": .bool(asksAgain),
            "published_at": CrmTests.json(publishedAt),
        ])
    }
}

extension Party: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "role": named(role),
            "label": .text(label),
            "address": .text(address),
            "contact": .text(contact),
            "country": .text(country),
            "email": .text(email),
            "phone": .text(phone),
            "url": .text(url),
        ])
    }
}

extension Purpose: Wire {
    var json: Json {
        .object([
            "name": .text(name),
            "label": .text(label),
            "description": .text(description),
            "channels": .array(channels.map { .text($0) }),
            "policy": .text(policy),
            "controller": CrmTests.json(controller),
            "processors": .array(processors.map { .text($0) }),
            "notice": CrmTests.json(notice),
            "is_transactional": .bool(isTransactional),
            "dpv": .text(dpv),
            "is_archived": .bool(isArchived),
            "processing": processing?.json ?? .null,
        ])
    }
}

extension QuietHours: Wire {
    var json: Json {
        .object([
            "from": .text(from),
            "until": .text(until),
            "weekends": .bool(weekends),
        ])
    }
}
