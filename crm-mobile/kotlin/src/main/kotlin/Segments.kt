package org.crmcore

import java.time.Instant
import org.crmcore.engine.Engine
import org.crmcore.model.Bucket
import org.crmcore.model.ChangeMembers
import org.crmcore.model.DefineSegment
import org.crmcore.model.Empty
import org.crmcore.model.EstimateSegment
import org.crmcore.model.ExplainMember
import org.crmcore.model.GetSegmentSizes
import org.crmcore.model.ListMembers
import org.crmcore.model.MemberExplanation
import org.crmcore.model.OverlapSegments
import org.crmcore.model.Progress
import org.crmcore.model.Segment
import org.crmcore.model.SegmentEstimate
import org.crmcore.model.SegmentKind
import org.crmcore.model.SegmentMember
import org.crmcore.model.SegmentMembers
import org.crmcore.model.SegmentName
import org.crmcore.model.SegmentOverlap
import org.crmcore.model.SegmentReport
import org.crmcore.model.SegmentSize

/**
 * Named conditions, and their members.
 *
 * ```kotlin
 * crm.segments.define("reachable", "contact", "email is set")
 * for (member in crm.segments.members("reachable")) println(member.id)
 * ```
 *
 * It holds nothing: make one whenever it is needed.
 */
class Segments internal constructor(private val engine: Engine) {
    /**
     * Defines the segment [name] of the entity type [type], or changes it, and finds its members: what is stated is all
     * of it. [condition] is text or JSON; a static segment has none. [zone] says by whose calendar days are counted.
     */
    fun define(
        name: String,
        type: String,
        condition: String? = null,
        kind: SegmentKind = SegmentKind.LIVE,
        label: String = "",
        description: String = "",
        zone: String? = null,
    ): SegmentReport = engine.defineSegment(DefineSegment(name, type, kind, label, description, condition, zone))

    /** The definition of a segment; throws `CrmException.NotFound` if there is none of this name. */
    operator fun get(segment: String): Segment = engine.getSegment(SegmentName(segment))

    /** All segments, archived ones included, by name. */
    fun list(): List<Segment> = engine.listSegments(Empty())

    /** Archives a segment: its members stay as they are, and conditions can no longer ask for it. */
    fun archive(segment: String): Segment = engine.archiveSegment(SegmentName(segment))

    /** Takes a segment out of the archive; a live one gets the members that it would have by now. */
    fun restore(segment: String): SegmentReport = engine.restoreSegment(SegmentName(segment))

    /** Asks all records anew whether they are members of a snapshot or a live segment. */
    fun refresh(segment: String, progress: ((Progress) -> Boolean)? = null): SegmentReport =
        watched(progress) { engine.refreshSegment(SegmentName(segment), it) }

    /** Adds records to a static segment, for a [reason]. Those that are members already stay. */
    fun addMembers(segment: String, ids: List<String>, reason: String? = null): SegmentReport =
        engine.addSegmentMembers(ChangeMembers(segment, ids, reason))

    /** Removes records from a static segment, for a [reason]. */
    fun removeMembers(segment: String, ids: List<String>, reason: String? = null): SegmentReport =
        engine.removeSegmentMembers(ChangeMembers(segment, ids, reason))

    /** A page of members, by id, after the member [after]. */
    fun membersPage(segment: String, after: String? = null, limit: Int = 100): SegmentMembers =
        engine.listMembers(ListMembers(segment, after, limit.toUInt()))

    /** All members, by id; pages are read as they are needed. */
    fun members(segment: String): Sequence<SegmentMember> = sequence {
        var after: String? = null
        do {
            val page = membersPage(segment, after, 1000)
            yieldAll(page.members)
            after = page.next
        } while (after != null)
    }

    /** Says why a record is a member or not, since when, and what made it come and go. */
    fun explain(segment: String, id: String, limit: Int = 100): MemberExplanation =
        engine.explainMember(ExplainMember(segment, id, limit.toUInt()))

    /** Counts the members at moments; only now if there are none. */
    fun sizes(segment: String, at: List<Instant> = emptyList()): List<SegmentSize> =
        engine.getSegmentSizes(GetSegmentSizes(segment, at, null, null, null, null)).sizes

    /** Counts the members at the beginning of every stretch of the calendar from [from] to [until], and at that. */
    fun sizes(
        segment: String,
        every: Bucket,
        from: Instant,
        until: Instant? = null,
        zone: String? = null,
    ): List<SegmentSize> = engine.getSegmentSizes(GetSegmentSizes(segment, emptyList(), every, from, until, zone)).sizes

    /** Counts the members that two segments of one entity type share. */
    fun overlap(segment: String, other: String): SegmentOverlap = engine.overlapSegments(OverlapSegments(segment, other))

    /** Says about how many members a segment would have, before it is saved. */
    fun estimate(type: String, condition: String, zone: String? = null): SegmentEstimate =
        engine.estimateSegment(EstimateSegment(type, condition, zone))
}
