import Crm
import Foundation

// The branches of queries.

extension Json {
    var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    fileprivate func selectColumn() throws -> SelectColumn {
        _ = try only(
            "field", "related", "inverse", "type", "role", "event", "within", "from", "until",
            "where", "count", "sum", "min", "max", "mean", "first", "last", "currency", "as")
        return SelectColumn(
            field: self["field"].text, related: self["related"].text,
            inverse: self["inverse"].bool ?? false, entityType: self["type"].text,
            role: self["role"].text, event: self["event"].text, within: self["within"].text,
            from: try moment("from"), until: try moment("until"),
            condition: try condition("where"), count: self["count"].bool ?? false,
            sum: self["sum"].text, min: self["min"].text, max: self["max"].text,
            mean: self["mean"].text, first: self["first"].text, last: self["last"].text,
            currency: self["currency"].text, name: self["as"].text)
    }

    fileprivate func groupKey() throws -> GroupKey {
        _ = try only("field", "bucket", "related", "inverse", "type", "role", "as")
        return GroupKey(
            field: try string("field"),
            bucket: try self["bucket"].text.map { name in
                try wanted(Bucket.allCases.first { "\($0)" == name })
            },
            related: self["related"].text, inverse: self["inverse"].bool ?? false,
            entityType: self["type"].text, role: self["role"].text, name: self["as"].text)
    }

    fileprivate func groupMeasure() throws -> GroupMeasure {
        _ = try only(
            "count", "sum", "mean", "min", "max", "distinct", "quantile", "of", "share",
            "currency", "where", "as")
        return GroupMeasure(
            count: self["count"].bool ?? false, sum: self["sum"].text, mean: self["mean"].text,
            min: self["min"].text, max: self["max"].text, distinct: self["distinct"].text,
            quantile: self["quantile"].number, of: self["of"].text,
            share: try condition("share"), currency: self["currency"].text,
            condition: try condition("where"), name: self["as"].text)
    }
}

let queryBranches: [String: Branch] = [
    "query.group": { try $0.groupRecords(request: try $1.groupRecords()).json },
    "query.pivot": { try $0.pivotRecords(request: try $1.pivotRecords()).json },
    "query.select": { try $0.selectRows(request: try $1.selectRows()).json },
]

extension Json {
    func selectRows() throws -> SelectRows {
        _ = try only(
            "type", "where", "columns", "order", "archived", "after", "limit", "at", "zone")
        return SelectRows(
            entityType: try string("type"), condition: try condition("where"),
            columns: try list("columns") { try $0.selectColumn() },
            order: try list("order") {
                let order = try $0.only("field", "descending")
                return FieldOrder(
                    field: try order.string("field"),
                    descending: order["descending"].bool ?? false)
            },
            archived: archived, after: self["after"].text, limit: limit("limit", 100),
            at: try moment("at"), zone: self["zone"].text)
    }

    func groupRecords() throws -> GroupRecords {
        _ = try only(
            "type", "where", "by", "measures", "order", "archived", "after", "limit", "at", "zone")
        return GroupRecords(
            entityType: try string("type"), condition: try condition("where"),
            by: try list("by") { try $0.groupKey() },
            measures: try list("measures") { try $0.groupMeasure() },
            order: try list("order") {
                let order = try $0.only("column", "descending")
                return ResultOrder(
                    column: try order.string("column"),
                    descending: order["descending"].bool ?? false)
            },
            archived: archived, after: self["after"].text, limit: limit("limit", 10_000),
            at: try moment("at"), zone: self["zone"].text)
    }

    func pivotRecords() throws -> PivotRecords {
        _ = try only("type", "where", "rows", "columns", "measure", "archived", "at", "zone")
        return PivotRecords(
            entityType: try string("type"), condition: try condition("where"),
            rows: try list("rows") { try $0.groupKey() },
            columns: try list("columns") { try $0.groupKey() },
            measure: try self["measure"].groupMeasure(), archived: archived,
            at: try moment("at"), zone: self["zone"].text)
    }
}

extension ResultColumn: Wire {
    var json: Json { .object(["name": .text(name), "kind": .text(snake("\(kind)"))]) }
}

extension RowsPage: Wire {
    var json: Json {
        .object([
            "columns": CrmTests.json(columns), "rows": .array(rows.map { CrmTests.json($0) }),
            "next": CrmTests.json(next),
        ])
    }
}

extension PivotCell: Wire {
    var json: Json {
        .object([
            "value": value.json, "numerator": CrmTests.json(numerator),
            "denominator": CrmTests.json(denominator),
        ])
    }
}

extension PivotTable: Wire {
    var json: Json {
        .object([
            "rows": CrmTests.json(rows), "columns": CrmTests.json(columns),
            "measure": measure.json,
            "row_labels": .array(rowLabels.map { CrmTests.json($0) }),
            "column_labels": .array(columnLabels.map { CrmTests.json($0) }),
            "cells": .array(cells.map { CrmTests.json($0) }),
            "row_totals": CrmTests.json(rowTotals), "column_totals": CrmTests.json(columnTotals),
            "total": total.json,
        ])
    }
}
