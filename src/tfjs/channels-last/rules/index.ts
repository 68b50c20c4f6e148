/** Rules by operator. An operator without a rule is written unchanged, on operands in ONNX's order. */

import { table } from '../../../ir/table';
import { axes } from './axes';
import { elementwise } from './elementwise';
import { linear } from './linear';
import type { Rule } from './rule';
import { spatial } from './spatial';
import { views } from './views';

const RULES: Readonly<Record<string, Rule>> = table({ ...elementwise, ...spatial, ...views, ...axes, ...linear });

export const ruleFor = (op: string): Rule | undefined => (Object.hasOwn(RULES, op) ? RULES[op] : undefined);
/** Operators that are written channels-last. */
export const isOverMaps = (op: string): boolean => Object.hasOwn(spatial, op);
