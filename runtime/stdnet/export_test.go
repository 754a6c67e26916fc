package stdnet

// Roam moves connections whenever they can be moved.
const Roam = roam
