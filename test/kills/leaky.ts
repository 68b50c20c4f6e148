/** A plugin with a pass that goes wrong, for `debug`. `where`: JavaScript that says at which `node` it does. */
export const leaky = (
  where: string,
): string => `module.exports = { name: 'leaky', summary: 'x', numbers: 'identical', after: 'remove-identities',
  run(graph, { remark, mayRewrite, afterRule }) {
    for (const node of graph.nodes) {
      if (node.op !== 'Relu' || (mayRewrite && !mayRewrite())) continue;
      const attrs = new Map([['alpha', { kind: 'float', value: ${where} ? 0.25 : 0 }]]);
      const made = graph.addNode({ op: 'LeakyRelu', inputs: node.inputs, attrs, name: node.name + '_leaky', origin: node.origin, before: node, outputTypes: [node.outputs[0].type] });
      graph.replaceAllUses(node.outputs[0], made.outputs[0]);
      const { name, origin } = node;
      graph.removeNode(node);
      remark({ kind: 'applied', rule: 'leaky', at: { node: name }, origin });
      afterRule?.({ name: 'leaky' }, name);
    }
  } };`;
