import { describeAnyHistory } from '../testing/any-history';

describeAnyHistory(24);
