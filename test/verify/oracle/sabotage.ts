/** npm run sabotage: every kind of fault put into the conversions of ten networks; prints what was found and what was not. */
import { CompileError } from '../../../src/diagnostics/compile-error';
import { FAULTS } from './faults';
import { judged } from './judge';
import { NETWORKS } from './networks';

async function main(): Promise<number> {
  let [made, found, right, _broken, _visible] = [0, 0, 0, 0, 0];
  for (const [network, make] of NETWORKS) {
    const plain = await judged(make());
    if (plain?.verdict === 'equal') right++;
    else console.log(`FALSE ALARM  ${network}: ${plain?.verdict}`);
    for (const [name, fault] of FAULTS) {
      try {
        const report = await judged(make(), fault);
        if (!report) continue;
        made++;
        if (report.verdict === 'different') found++;
        if (report.checks.some(({ name: check, status }) => check === 'original size' && status === 'different')) _visible++;
        if (report.verdict === 'different') continue;
        console.log(`NOT FOUND    ${network}, ${name}: ${report.verdict}`);
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        // A model that the runtime does not take is found as well.
        made++;
        found++;
        _broken++;
        console.log(`DOES NOT RUN ${network}, ${name}: ${error.diagnostic.message}`);
      }
    }
  }
  console.log(
    `${found} of ${made} faults found in ${NETWORKS.size} networks (${((100 * found) / Math.max(1, made)).toFixed(1)} %); ${right} of ${NETWORKS.size} right conversions equal`,
  );
  return found === made && right === NETWORKS.size ? 0 : 1;
}

main().then((code) => process.exit(code));
