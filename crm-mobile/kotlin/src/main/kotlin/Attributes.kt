package org.crmcore

import org.crmcore.model.Attribute
import org.crmcore.model.ChoiceOption
import org.crmcore.model.Kind
import org.crmcore.model.Sensitivity

/**
 * The definition of an attribute, with everything optional left out. See [Attribute] for what each part
 * means; [default], [minimum] and [maximum] are given as Kotlin has them (see [valueOf]), and [options]
 * by their stored values.
 */
fun attribute(
    name: String,
    kind: Kind,
    label: String = "",
    description: String = "",
    required: Boolean = false,
    unique: Boolean = false,
    index: Boolean = false,
    searched: Boolean = false,
    default: Any? = null,
    options: List<String> = emptyList(),
    minimum: Any? = null,
    maximum: Any? = null,
    length: Int? = null,
    pattern: String? = null,
    scale: Int? = null,
    currency: String? = null,
    target: String? = null,
    formula: String? = null,
    sensitivity: Sensitivity = Sensitivity.NONE,
    purpose: String? = null,
): Attribute = Attribute(
    name = name,
    kind = kind,
    label = label,
    description = description,
    required = required,
    unique = unique,
    index = index,
    searched = searched,
    default = default?.let(::valueOf),
    options = options.map { ChoiceOption(it) },
    minimum = minimum?.let(::valueOf),
    maximum = maximum?.let(::valueOf),
    length = length?.toUInt(),
    pattern = pattern,
    scale = scale?.toUByte(),
    currency = currency,
    target = target,
    formula = formula,
    sensitivity = sensitivity,
    purpose = purpose,
)
