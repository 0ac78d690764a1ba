export { answerExpectations } from './expectation';
