/** Words of the formats that are read. */
import { operatorTable } from '../../src/ir/operators.generated';

export const operatorNames: readonly string[] = Object.keys(operatorTable.operators);
