package org.crmcore

/** Prints what a call from Kotlin costs, warm, in a file in memory: the best of several rounds. */
fun main() = Crm.open(":memory:") { crm ->
    val calls = 20_000
    val best = (1..10).minOf {
        val start = System.nanoTime()
        repeat(calls) { crm.info() }
        System.nanoTime() - start
    }
    println("database.info ${best / 1000.0 / calls}")
}
