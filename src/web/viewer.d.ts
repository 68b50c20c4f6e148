/** The program of a page of a graph, as text: the build makes it of graph-view/browser. */
declare const text: string;
export default text;
