package drivertest

var reuseTests = []test{}
