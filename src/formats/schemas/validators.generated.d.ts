import type { Validator } from '.';

export declare const tfjsModel: Validator;
export declare const tfjsAbout: Validator;
export declare const certificate: Validator;
export declare const verifySuite: Validator;
