// Decides requests by an implementation of IAM's rules that is not this project's: reads a JSON list of requests from
// the standard input, prints a JSON list of "Allowed", "ImplicitlyDenied" or "ExplicitlyDenied". Its one argument is
// the folder with node_modules.
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'

const require = createRequire(pathToFileURL(process.argv[2] + '/'))
const { runSimulation } = require('@cloud-copilot/iam-simulate')

const decisions = []
for (const request of JSON.parse(await text(process.stdin))) {
  const answer = await runSimulation(request, {})
  if (answer.resultType === 'error' || answer.errors) throw new Error(JSON.stringify(answer.errors))
  decisions.push(answer.overallResult ?? answer.analysis?.result)
}
console.log(JSON.stringify(decisions))
