package org.crmcore

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Runs [block] on a thread for blocking work, so that a coroutine of the main thread can await it:
 * `val page = crm.io { contacts.list() }`. A call that has begun runs to its end; [Crm.interrupt] ends it earlier.
 */
suspend fun <T> Crm.io(block: Crm.() -> T): T = withContext(Dispatchers.IO) { block() }
