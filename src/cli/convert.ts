export const convertCommand = async (_a: unknown, _t: unknown): Promise<number> => 0;
