package org.crmcore

import org.crmcore.model.Archived
import org.crmcore.model.SearchItem
import org.crmcore.model.SearchPage
import org.crmcore.model.SearchText
import org.crmcore.model.Snippet

/**
 * Searches the texts of records and activities whose attribute or property is `searched`, the best first.
 *
 * ```kotlin
 * crm.search("müller fai", prefix = true, types = listOf("contact"))
 * ```
 *
 * All words of [text] must be there; case and accents do not matter. Words in double quotes stand one after
 * the other, `beg*` leaves a word open, and [prefix] the last one. Without [items], what [types] and [kinds]
 * name is searched, and everything if they name nothing. [after] is the `next` of the page before; [limit]
 * is 1 to 1,000.
 */
fun Crm.search(
    text: String,
    prefix: Boolean = false,
    items: List<SearchItem> = emptyList(),
    types: List<String> = emptyList(),
    kinds: List<String> = emptyList(),
    archived: Archived = Archived.EXCLUDE,
    after: String? = null,
    limit: Int = 100,
): SearchPage = searchText(SearchText(text, prefix, items, types, kinds, archived, after, limit.toUInt()))

/** The text with a mark before and after each match, and an ellipsis where it is cut. */
fun Snippet.marked(before: String = "**", after: String = "**"): String =
    parts.joinToString("", if (isCutBefore) "…" else "", if (isCutAfter) "…" else "") {
        if (it.isMatch) before + it.text + after else it.text
    }
