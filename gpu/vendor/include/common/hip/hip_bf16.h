// Half precision: there as soon as a source names it.
