// Pulumi loads a pack by `require`, and looks for its version in the working directory.
process.chdir(__dirname)
module.exports = import('./pack.ts')
