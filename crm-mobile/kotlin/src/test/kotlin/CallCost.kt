package org.crmcore

/** Prints what a call from Kotlin costs, warm, in a file in memory: `mvn exec:java -Dexec.mainClass=org.crmcore.CallCostKt`. */
fun main() = Crm.open(":memory:") { crm ->
    val ids = List(1000) { crm.contacts.create("given_name" to "Ann", "email" to "ann$it@example.org").id }
    val records = measure { crm.contacts.list(limit = 1000).records }
    println("empty call            %8.2f µs".format(measure { crm.interrupt() }))
    println("database.info         %8.2f µs".format(measure { crm.info() }))
    println("records.get           %8.2f µs".format(measure { crm.contacts[ids[it % ids.size]] }))
    println("records.list of 1,000 %8.2f µs a record".format(records / ids.size))
}

/** Microseconds of one [call]: the best of several rounds, each half a second or so. */
private fun measure(call: (Int) -> Any?): Double = (1..5).minOf {
    var calls = 0
    val start = System.nanoTime()
    while (System.nanoTime() - start < 500_000_000) call(calls++)
    (System.nanoTime() - start) / 1000.0 / calls
}
