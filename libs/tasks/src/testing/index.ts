export { tasksConformance, type TasksUnderTest, type UnderTestOptions } from './conformance';
export { type Answer, type Call, eventually, pause, Target } from './target';
