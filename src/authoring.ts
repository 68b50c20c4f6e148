/**
 * Toolkit for writing passes outside this package (`convert --plugin ./my-pass.js`); see docs/writing-a-pass.md.
 *
 *   const { defineRule, defineRulePass, node, value, constant } = require('convolutionize').authoring;
 */
export { attributes, float, floatAttr, floats, floatsAttr, intAttr, intsAttr, stringAttr } from './ir/attrs';
export { computedTensor, elementCount, fromNumbers, int64s, readNumbers, reshaped, scalar } from './ir/tensor';
export { isConst, rankOf, staticShape } from './ir/types';
export { type Builder, builderAt } from './rewrite/builder';
export { definePass, defineRulePass } from './rewrite/pass';
export { constant, literal, node, oneOf, optional, value } from './rewrite/pattern';
export { defineRule, refuse } from './rewrite/rule';
